#!/usr/bin/env python3
"""--fit beside llama.cpp's mixes, and beside nibble's types and mixes of equal or smaller size. scripts/fit calls it.

Files are made, measured by `nibble verify` and removed; figures are kept in the working directory by what they are of,
so that a run that was cut off goes on where it was. Exits with 1 where a fit is beaten by something that weighs no more.
"""
import argparse
import hashlib
import json
import os
import pathlib
import sys

from tools import digest, once, run

SIZES = ('Q3_K_M', 'IQ4_XS', 'Q4_K_S', 'Q4_K_M', 'Q5_K_M')  # llama-quantize's names
TYPES = ('Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K', 'IQ4_NL', 'IQ4_XS', 'MXFP4', 'NVFP4')
MIXES = ('Q4_K_S', 'Q4_K_M', 'Q5_K_S', 'Q5_K_M')
CALIBRATION_WINDOWS = 100
BATCH = 5  # candidates that one run of verify measures
KIB = 1024


class Measurement:
    def __init__(self, settings):
        self.settings, self.work = settings, settings.work
        self.program, self.text = digest(settings.nibble), digest(settings.text)
        self.calibration = settings.data / 'texts/exl3_c4.utf8'

    def nibble(self, *arguments):
        return run(self.settings.nibble, *arguments, '--quiet', '--threads', self.settings.threads)

    def source(self):
        return once(self.work / 'source.gguf', lambda path: self.nibble('convert', self.settings.model, '-o', path))

    def imatrix(self):
        return once(self.work / f'imatrix-{self.program}.gguf', lambda path: self.nibble(
            'calibrate', self.settings.model, '--text', self.calibration, '--chunks', CALIBRATION_WINDOWS, '-o', path))

    def kept(self, name):
        """Where figures are kept, by what they are of."""
        key = hashlib.sha256('\n'.join((name, self.program, self.text, str(self.settings.windows))).encode())
        return self.work / f'{key.hexdigest()[:16]}.json'

    def figures(self, candidates):
        """Bytes and mean KLD of the file that each candidate's `make(path)` makes, by its name."""
        missing = [candidate for candidate in candidates if not self.kept(candidate[0]).exists()]
        for first in range(0, len(missing), BATCH):
            self.measure(missing[first:first + BATCH])
        return [json.loads(self.kept(name).read_text()) for name, _ in candidates]

    def measure(self, candidates):
        """Beside one run of the original."""
        paths = [self.work / f'candidate-{i}.gguf' for i in range(len(candidates))]
        for path, (_, make) in zip(paths, candidates, strict=True):
            path.unlink(missing_ok=True)
            make(path)
        report = self.work / 'verify.json'
        self.nibble('verify', self.settings.model, *paths, '--text', self.settings.text, '--chunks', self.settings.windows,
                    '--json', report)
        found = json.loads(report.read_text())['candidates']
        for path, (name, _), candidate in zip(paths, candidates, found, strict=True):
            kld = candidate['kld']
            result = {'name': name, 'bytes': path.stat().st_size, 'kld': kld['mean'], 'se': kld['se']}
            self.kept(name).write_text(json.dumps(result))
            path.unlink()
            pathlib.Path(f'{path}.manifest.json').unlink(missing_ok=True)

    def theirs(self, mix):
        return f'llama.cpp {mix}', lambda path: run(self.settings.peers / 'bin/llama-quantize', '--imatrix',
                                                    self.imatrix(), self.source(), path, mix, self.settings.threads)

    def ours(self, name, *options):
        return name, lambda path: self.nibble('quantize', self.settings.model, '-o', path, '--method', 'weighted',
                                              '--imatrix', self.imatrix(), *options)

    def uniform(self):
        """Every type by which linears, embedding and output may be, and every mix."""
        for name in TYPES:
            yield self.ours(name, '--type', name)
            yield self.ours(f'{name} --pure', '--type', name, '--pure')
        for name in MIXES:
            yield self.ours(name, '--type', name)


def line(cells):
    return '| ' + ' | '.join(cells) + ' |'


def shown(figures):
    return f'{figures["kld"]:.4f} ± {figures["se"]:.4f}'


def compare(measurement, sizes):
    """The table's lines, and what beats a fit."""
    theirs = dict(zip(sizes, measurement.figures([measurement.theirs(size) for size in sizes]), strict=True))
    fits = dict(zip(sizes, measurement.figures(
        [measurement.ours(f'fit {size}', '--fit', f'{theirs[size]["bytes"]}') for size in sizes]), strict=True))
    uniform = measurement.figures(list(measurement.uniform()))
    lines = [line(('size of', 'MiB', 'llama.cpp', '--fit', 'best of nibble\'s types and mixes that weigh no more')),
             line(['---'] * 5)]
    beaten = []
    for size in sizes:
        largest, fit = theirs[size]['bytes'], fits[size]
        smaller = [figures for figures in uniform if figures['bytes'] <= largest]
        best = min(smaller, key=lambda figures: figures['kld'], default=None)
        others = [figures for figures in (theirs[size], best) if figures]
        beaten += [f'{size}: {other["name"]} has {other["kld"]:.4f}, --fit {fit["kld"]:.4f}' for other in others
                   if other['kld'] < fit['kld']]
        lines.append(line((size, f'{largest / KIB / KIB:.1f}', shown(theirs[size]), shown(fit),
                           f'{best["name"]}: {shown(best)}' if best else 'none')))
    return lines, beaten


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('--nibble', '--peers', '--model', '--data', '--work'):
        parser.add_argument(name, type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument('--text', type=pathlib.Path, help='what is measured on (wiki.test.raw)')
    parser.add_argument('--windows', type=int, default=20, help='of 512 tokens (20)')
    parser.add_argument('--sizes', type=lambda text: text.split(','), default=SIZES, help=f'of {", ".join(SIZES)}')
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    settings = parser.parse_args()
    settings.text = settings.text or settings.data / 'texts/wiki.test.raw'
    settings.work.mkdir(parents=True, exist_ok=True)
    lines, beaten = compare(Measurement(settings), settings.sizes)
    print('\n'.join(lines))
    for text in beaten:
        print(f'fit: {text}', file=sys.stderr)
    sys.exit(1 if beaten else 0)


main()
