"""The measurements as a section of docs/performance.md."""

INTRODUCTION = """\
## Quantizing, beside llama-quantize

Made by `scripts/bench`: a Llama folder of random weights in BF16 ({gigabytes:.2f} GB), {threads} threads, {rounds} pairs in
turns, every tensor of one type (`--pure`). nibble reads the folder; llama-quantize an F16 GGUF, whose making is not counted.
Times end when `sync` has returned. *Ratio*: llama-quantize's time by nibble's, the median of the pairs and their range.
*Bytes alone*: reading the source and writing and syncing as many bytes as the output has, one after the other and without
computing, as a share of nibble's time: beyond 100 % what nibble does at once pays. *Processor*: of both threads.
{note}
The machine, measured between: memory {copy:.1f} GB/s copied, disk {read:.2f} GB/s read and {write:.2f} GB/s written and
synced, float32 {flops:.0f} GFLOP/s in matrix products.
"""


def cell(row):
    bound = row['bound']
    reached = '' if bound is None else f' (≥ {bound}: ' + ('yes' if row['ratio'] >= bound else '**no**') + ')'
    return f'{row["ratio"]:.2f} [{row["ratios"][0]:.2f}, {row["ratios"][-1]:.2f}]{reached}'


def table(rows):
    lines = ['| type | method | cache | nibble | llama-quantize | ratio | bytes alone | processor | peak memory |',
             '|' + '---|' * 9]
    for row in rows:
        lines.append('| ' + ' | '.join((
            row['type'], row['method'], row['cache'], f'{row["nibble_seconds"]:.2f} s', f'{row["llama.cpp_seconds"]:.2f} s',
            cell(row), f'{100 * row["copy_share"]:.0f} %',
            f'{row["nibble_processor_seconds"]:.1f} s, theirs {row["llama.cpp_processor_seconds"]:.1f} s',
            f'{row["nibble_peak_bytes"] / 2**20:.0f} MiB, theirs {row["llama.cpp_peak_bytes"] / 2**20:.0f} MiB')) + ' |')
    return '\n'.join(lines) + '\n'


def memory_table(rows):
    if not rows:
        return ''
    lines = ['', 'Peak memory by the size of the model (sparse files of zeros, linears in MXFP4):', '',
             '| parameters | rtn | weighted |', '|---|---|---|']
    for row in rows:
        lines.append(f'| {row["parameters"] / 1e9:.2f} billion | {row["rtn"] / 2**20:.1f} MiB | {row["weighted"] / 2**20:.1f} MiB |')
    return '\n'.join(lines) + '\n'


def section(bounds, rows, memory, settings):
    size = (settings.model / 'model.safetensors').stat().st_size
    note = settings.note + '\n' if settings.note else ''
    return INTRODUCTION.format(gigabytes=size / 1e9, threads=settings.threads, rounds=settings.rounds, note=note,
                               copy=bounds['copy'], read=bounds['read'], write=bounds['write'],
                               flops=bounds['gflops']) + '\n' + table(rows) + memory_table(memory)


def replace(path, text, part='quantize'):
    """The part of the file between its marks, or the end of a file without them."""
    begin, end = (f'<!-- scripts/bench {part}: {word} -->' for word in ('begin', 'end'))
    old = path.read_text() if path.exists() else ''
    before, _, rest = old.partition(begin)
    after = rest.partition(end)[2].lstrip() if rest else ''
    path.write_text(f'{before.rstrip()}\n\n{begin}\n{text}{end}\n\n{after}'.rstrip() + '\n')
