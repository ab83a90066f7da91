"""The measurements as Markdown."""
import paired
from rows import ROWS

LARGEST_FILE = 1.002  # of llama.cpp's
TITLES = {'llama.cpp': 'llama.cpp', 'their imatrix': 'weighted, their imatrix', 'our imatrix': 'weighted, our imatrix',
          'nibble': 'nibble', 'weighted': 'weighted', 'shuffled': 'weighted, shuffled imatrix'}
INTRODUCTION = """\
# Accuracy

Made by `scripts/accuracy`. The model is SmolLM2-135M (`../shared/models/make_smollm2.py`), the calibration text
{calibration}, and what is measured is the KL divergence to the original's next-token distributions over the first
{windows} windows of 512 tokens, in thousandths, with the standard error that the program tells. A ratio is one of the
means, with its 95 % bootstrap interval: windows are drawn anew {resamples} times, both files over the same ones.
nibble calibrates on {calibration_windows} windows, llama-imatrix has run {peer_windows} of them.

- *llama.cpp*: `llama-quantize --imatrix` with llama-imatrix's matrix (MXFP4 without, it uses none).
{weighted}- *nibble*: `nibble quantize --calibration-text`{options}.
"""
WEIGHTED = '- *weighted*: `nibble quantize --method weighted`, with that matrix, and with the one of `nibble calibrate`.\n'
SECTIONS = {
    'peer': """\
Files of the same types tensor by tensor, embedding and output in Q8_0, measured by llama-perplexity. A type alone: all
linears of the layers have it. `ffn_down=`: they alone, all others are Q8_0.
""",
    'own': """\
Types that llama.cpp does not write, against our own search over scales with the same statistics, measured by `nibble
verify`.
""",
    'shuffled': """\
The wrong importance matrix: each linear's columns dealt out anew. All linears Q4_0, measured by llama-perplexity.
""",
}
EXPERTS = """\
Models with experts, small ones of the zoo, in windows of 128 tokens: all linears Q4_0, against our own search over scales
with the same text, measured by `nibble verify`. They are insensitive; what error feedback is held to is the error of the expert linears'
outputs on held-out tokens of the calibration text, as a share of the search's: the mean and the largest over all that
saw such tokens.
"""
RATIOS = {'peer': ('nibble', 'llama.cpp'), 'own': ('nibble', 'weighted'), 'shuffled': ('shuffled', 'our imatrix')}


def table(rows):
    lines = ['| ' + ' | '.join(cells) + ' |' for cells in rows]
    return '\n'.join([lines[0], '|' + '---|' * len(rows[0]), *lines[1:]]) + '\n'


def thousandths(kld):
    return f'{1000 * kld["mean"]:.2f} ± {1000 * kld["se"]:.2f}'


def bound(row, value, ratio):
    if value is None:
        return ''
    if row.kind == 'shuffled':
        return f'> {value:g}: ' + ('yes' if ratio > value else '**no**')
    return f'≤ {value:g}: ' + ('yes' if ratio <= value else '**no**')


def inequality(name, ours, theirs):
    """What keeps two files from being of the same bytes; empty if nothing does."""
    for tensor, kind in theirs['types'].items():
        if ours['types'].get(tensor) != kind:
            return f'{name}: {tensor} is {ours["types"].get(tensor)}, and {kind} in llama.cpp\'s file'
    if ours['tensor_bytes'] != theirs['tensor_bytes']:
        return f'{name}: tensors of {ours["tensor_bytes"]} bytes, and {theirs["tensor_bytes"]} in llama.cpp\'s file'
    if ours['file_bytes'] > LARGEST_FILE * theirs['file_bytes']:
        return f'{name}: a file of {ours["file_bytes"]} bytes, and {theirs["file_bytes"]} of llama.cpp\'s'
    return ''


def cells(row, columns, text):
    over, under = (columns[column][text]['kld'] for column in RATIOS[row.kind])
    ratio = over['mean'] / under['mean']
    low, high = paired.interval(over['windows'], under['windows'])
    size = columns['nibble'][text].get('file_bytes') if row.kind == 'peer' else None
    return ([row.name] + [thousandths(of_texts[text]['kld']) for of_texts in columns.values()] +
            [f'{ratio:.3f} [{low:.3f}, {high:.3f}]', bound(row, row.must, ratio), bound(row, row.goal, ratio)] +
            ([f'{size / columns["llama.cpp"][text]["file_bytes"]:.5f}'] if size else []))


def section(kind, measured, text):
    found = {name: columns for name, (columns, _) in measured.items() if columns and ROWS[name].kind == kind}
    missing = [f'- {name}: {reason}\n' for name, (_, reason) in measured.items() if reason and ROWS[name].kind == kind]
    if not found and not missing:
        return ''
    parts = [SECTIONS[kind]]
    if found:
        columns = next(iter(found.values()))
        head = ['', *(TITLES[column] for column in columns), 'ratio', 'must', 'goal']
        parts.append(table([head + (['file size, ratio'] if kind == 'peer' else [])] +
                           [cells(ROWS[name], columns, text) for name, columns in found.items()]))
    return '\n'.join(parts + [''.join(missing)] * bool(missing))


def experts_section(measured, text):
    found = {name: columns for name, (columns, _) in measured.items() if columns and ROWS[name].kind == 'experts'}
    if not found:
        return ''
    rows = [['', 'weighted', 'nibble', 'expert linears', "their outputs' error, mean", 'must', 'largest', 'must']]
    for name, columns in found.items():
        ratios = columns['nibble'][text]['outputs']
        mean = sum(ratios) / len(ratios)
        rows.append([name, *(thousandths(columns[column][text]['kld']) for column in ('weighted', 'nibble')),
                     str(len(ratios)), f'{mean:.3f}', bound(ROWS[name], ROWS[name].must, mean), f'{max(ratios):.3f}',
                     bound(ROWS[name], 1, max(ratios))])
    return EXPERTS + '\n' + table(rows)


def write(measured, settings):
    """The report, and a line about every pair of files that is not of the same bytes."""
    options = f' {settings.quantize_options}' if settings.quantize_options else ', all else by default'
    parts = [INTRODUCTION.format(
        weighted='' if settings.headline else WEIGHTED, calibration=settings.calibration_text.name,
        windows=settings.windows, resamples=paired.RESAMPLES,
        calibration_windows=settings.calibration_windows, peer_windows=settings.peer_windows, options=options)]
    unequal = []
    for text in settings.text:
        parts.append(f'## {text.name}\n')
        parts += [section(kind, measured, text.name) for kind in SECTIONS]
        parts.append(experts_section(measured, text.name))
        for name, (columns, _) in measured.items():
            if columns and ROWS[name].kind == 'peer':
                unequal += [inequality(f'{name}, {TITLES[column]}', of_texts[text.name], columns['llama.cpp'][text.name])
                            for column, of_texts in columns.items()]
    return '\n'.join(part for part in parts if part), sorted(set(filter(None, unequal)))
