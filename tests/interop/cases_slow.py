"""SmolLM2: our verify against llama-perplexity, the same perplexity and divergence; and the time that plan tells."""
import json
import re
import subprocess
import time

from lane import WIDE, Miss, Model, Skip, expect_at_most

PERPLEXITY, MEAN_KLD = r'Mean PPL\(Q\) *: *([\d.]+)', r'Mean +KLD: *([-\d.]+)'
ATTEMPTS = 3
WINDOWS = ('--ctx', '512', '--chunks', '40')
# llama.cpp stores the reference's logits in 16 bits, hence the absolute part.
KLD_SHARE, KLD_ABSOLUTE = 0.03, 0.001
WIDE_PPL_SHARE, QUANTIZED_PPL_SHARE = 0.005, 0.01
# llama.cpp multiplies K-quants with activations rounded to 8 bits in blocks of 256, and SmolLM2's have outliers: over 4
# windows of Q4_K_M that rounding alone moved the mean KLD from 0.0936 to 0.1004 and the perplexity by 1.6 %. What is
# checked is therefore llama.cpp's figure for the same weights decoded to F32, which it multiplies as they are; its figure
# for the file itself is printed beside it.
K_QUANTS = ('Q4_K_M', 'Q4_K_S', 'Q5_K_M', 'Q5_K_S')
QUANTIZED = ('Q8_0', 'Q4_0', 'Q4_1', 'MXFP4', 'IQ4_NL') + K_QUANTS


PLANNED = (('Q4_0', 'rtn'), ('Q4_K', 'weighted'), ('IQ4_XS', 'weighted'))
PLANNED_FACTOR = 2.5  # either way: plan knows the machine of that moment, and a factor of 2 is what is promised of it


def run(lane, peers, smollm2):
    for kind, method in PLANNED:
        lane.check(f'SmolLM2 {kind} {method}: the plan\'s time', planned_time, lane, smollm2, kind, method)
    lane.check('SmolLM2: llama-perplexity\'s figures', figures, lane, peers, smollm2)


def planned_time(lane, smollm2, kind, method):
    if not smollm2 or not smollm2.exists():
        raise Skip('needs --smollm2')
    options = (smollm2, '--type', kind, '--method', method)
    planned = json.loads(lane.run('plan', *options, '--json'))['expected_time']['seconds']
    output = lane.work / 'timed.gguf'
    began = time.monotonic()
    lane.run('quantize', *options, '-o', output)
    taken = time.monotonic() - began
    output.unlink()
    print(f'  {kind} {method}: planned {planned:.1f} s, took {taken:.1f} s')
    if not 1 / PLANNED_FACTOR <= taken / planned <= PLANNED_FACTOR:
        raise Miss(f'planned {planned:.1f} s, took {taken:.1f} s')


def figures(lane, peers, smollm2):
    tool = peers and peers / 'bin/llama-perplexity'
    if not tool or not tool.exists() or not smollm2 or not smollm2.exists():
        raise Skip('needs --peers and --smollm2')
    model, text = Model('smollm2', smollm2), lane.wiki()
    base, reference = lane.work / 'base-logits', lane.converted(model, 'source')

    def llama_perplexity(path, *options):
        return subprocess.run([tool, '-m', path, '-f', text, '-c', '512', '--chunks', '40', *options],
                              capture_output=True, text=True, check=True).stdout

    def divergence(path):
        """Its figures, the perplexity and the mean KLD. On a loaded machine it can end well without its last lines."""
        for attempt in range(ATTEMPTS):
            output = llama_perplexity(path, '--kl-divergence-base', base, '--kl-divergence')
            try:
                return number(PERPLEXITY, output), number(MEAN_KLD, output)
            except Miss:
                if attempt + 1 == ATTEMPTS:
                    raise

    candidates = {kind: lane.quantized(model, kind) for kind in WIDE + QUANTIZED}
    report = lane.verify(smollm2, candidates.values(), '--text', text, *WINDOWS)
    llama_perplexity(reference, '--kl-divergence-base', base)  # writes the reference's logits
    for (kind, path), ours in zip(candidates.items(), report['candidates'], strict=True):
        perplexity, kld = divergence(path)
        if kind in K_QUANTS:
            print(f'  {kind} as it is: theirs {kld:.6f}, perplexity {perplexity:.4f}')
            decoded = lane.make(('smollm2', kind, 'f32'), 'convert', path, '--dtype', 'f32')
            perplexity, kld = divergence(decoded)
            decoded.unlink()
        share = QUANTIZED_PPL_SHARE if kind in QUANTIZED else WIDE_PPL_SHARE
        lane.check(f'SmolLM2 {kind}: perplexity', close, ours['ppl'], perplexity, share)
        lane.check(f'SmolLM2 {kind}: mean KLD', close, ours['kld']['mean'], kld, KLD_SHARE, KLD_ABSOLUTE)


def number(pattern, output):
    found = re.search(pattern, output)
    if not found:
        raise Miss(f'llama-perplexity printed no {pattern!r}: {output[-300:]}')
    return float(found.group(1))


def close(ours, theirs, share, absolute=0.0):
    print(f'  ours {ours:.6f}, theirs {theirs:.6f}')
    expect_at_most(abs(ours - theirs), share * abs(theirs) + absolute)
