#!/usr/bin/env python3
"""How long verifying and calibrating a real model take. scripts/bench calls it.

`nibble verify` beside llama-perplexity's two runs for the same figures, in turns; `nibble quantize` on a text; and
the solve of single layers beside the products that it is made of.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess

import report
from measure import run

WINDOWS = {'verify': 40, 'calibrate': 128}
SOLVES = ((4096, 4096), (14336, 4096), (4096, 14336))  # outputs, inputs
BOUND = {'verify': 1, 'memory': 0.5, 'solve': 1.7, 'minutes': 15, 'bytes': 2 << 30}


class Jobs:
    def __init__(self, settings):
        self.settings = settings
        self.reference = settings.work / 'reference.gguf'
        self.candidate = settings.work / 'candidate.gguf'
        self.logits = settings.work / 'reference.kld'
        self.threads = str(settings.threads)

    def nibble(self, *arguments):
        return run((self.settings.nibble, *arguments, '--threads', self.threads, '--quiet'))

    def verify(self):
        """Pairs of (ours, theirs, bytes of their logits)."""
        text, windows = self.settings.data / 'texts/wiki.test.raw', str(WINDOWS['verify'])
        self.nibble('convert', self.settings.model, '-o', self.reference, '--force')
        self.nibble('quantize', self.reference, '-o', self.candidate, '--type', 'Q4_K_M', '--force')
        theirs = (self.settings.peers / 'bin/llama-perplexity', '-f', text, '-c', '512', '--chunks', windows, '-t',
                  self.threads, '--kl-divergence-base', self.logits)
        pairs = []
        for turn in range(self.settings.rounds):
            ours = self.nibble('verify', self.reference, self.candidate, '--text', text, '--chunks', windows)
            base = run((*theirs, '-m', self.reference))
            size = self.logits.stat().st_size
            divergence = run((*theirs, '-m', self.candidate, '--kl-divergence'))
            pairs.append((ours, base, divergence, size))
            self.logits.unlink()
        return pairs

    def calibrate(self):
        return self.nibble('quantize', self.settings.model, '-o', self.candidate, '--type', 'Q4_K_M', '--method', 'auto',
                           '--calibration-text', self.settings.data / 'texts/exl3_c4.utf8', '--calibration-chunks',
                           str(WINDOWS['calibrate']), '--force')

    def solve(self, outputs, inputs):
        words = (self.settings.solve, self.threads, str(outputs), str(inputs))
        return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)


def mark(holds):
    return 'yes' if holds else '**no**'


def verify_lines(pairs):
    ratios = sorted(ours.seconds / (base.seconds + kld.seconds) for ours, base, kld, _ in pairs)
    middle = lambda values: statistics.median(values)
    ours = middle([pair[0].seconds for pair in pairs])
    theirs = middle([base.seconds + kld.seconds for _, base, kld, _ in pairs])
    memory = max(pair[0].peak_bytes for pair in pairs)
    their_memory = max(max(base.peak_bytes, kld.peak_bytes) for _, base, kld, _ in pairs)
    ratio = middle(ratios)
    return [
        f'`verify` of Q4_K_M against BF16, {WINDOWS["verify"]} windows of 512, {len(pairs)} pairs: {ours:.1f} s; '
        f'llama-perplexity, twice, {theirs:.1f} s: ratio {ratio:.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}] '
        f'(≤ {BOUND["verify"]}: {mark(ratio <= BOUND["verify"])}). Memory {memory / 2**20:.0f} MiB, theirs '
        f'{their_memory / 2**20:.0f} MiB (at most half: {mark(memory <= BOUND["memory"] * their_memory)}), and a file of logits of '
        f'{pairs[0][3] / 2**20:.0f} MiB.', '']


def calibrate_lines(done):
    fits = done.seconds <= 60 * BOUND['minutes'] and done.peak_bytes <= BOUND['bytes']
    return [f'`quantize --method auto` into Q4_K_M on {WINDOWS["calibrate"]} windows of 512: {done.seconds / 60:.1f} minutes, '
            f'{done.peak_bytes / 2**20:.0f} MiB (at most {BOUND["minutes"]} minutes and 2 GiB: {mark(fits)}).', '']


def solve_lines(found):
    lines = ['The solve of a layer in Q4_0 (`tests/bench/solve.cc`): the factor of H, the search for scales, codes with feedback.',
             '*Bound*: d_out d_in² + 4/3 d_in³ multiply-adds at what float32 products reach. *Refined*: scales and codes moved',
             'on, which GPTQ does not.', '',
             '| outputs | inputs | products | bound | solve | ratio | refined |', '|' + '---|' * 7]
    for (outputs, inputs), row in found.items():
        ratio = row['solve_seconds'] / row['bound_seconds']
        lines.append(f'| {outputs} | {inputs} | {row["gflops"]:.0f} GFLOP/s | {row["bound_seconds"]:.2f} s | {row["solve_seconds"]:.2f} s '
                     f'| {ratio:.2f} (≤ {BOUND["solve"]}: {mark(ratio <= BOUND["solve"])}) | {row["refined_seconds"]:.1f} s |')
    return lines + ['']


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('--nibble', '--solve', '--peers', '--model', '--data', '--work'):
        parser.add_argument(name, required=True, type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument('--parts', default='verify,calibrate,solve', help='(%(default)s)')
    parser.add_argument('--rounds', type=int, default=3, help='pairs of verify (%(default)s)')
    parser.add_argument('--threads', type=int, default=os.cpu_count(), help='(%(default)s)')
    parser.add_argument('--note', default='', help='what the reader should know of this machine today')
    parser.add_argument('--report', type=pathlib.Path, help="the Markdown file whose section 'Verifying' is replaced")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    jobs, parts = Jobs(args), args.parts.split(',')
    lines = ['## Verifying and calibrating', '',
             f'SmolLM2-135M, {args.threads} threads; made by `scripts/bench`.' + (' ' + args.note if args.note else ''), '']
    if 'verify' in parts:
        lines += verify_lines(jobs.verify())
    if 'calibrate' in parts:
        lines += calibrate_lines(jobs.calibrate())
    if 'solve' in parts:
        lines += solve_lines({shape: jobs.solve(*shape) for shape in SOLVES})
    text = '\n'.join(lines)
    print(text)
    if args.report:
        report.replace(args.report, text, 'jobs')
    for path in (jobs.reference, jobs.candidate):
        path.unlink(missing_ok=True)
        path.with_name(path.name + '.manifest.json').unlink(missing_ok=True)


if __name__ == '__main__':
    main()
