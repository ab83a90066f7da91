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

    def figures(self, name, make):
        """Bytes and mean KLD of the file that `make(path)` makes."""
        key = hashlib.sha256('\n'.join((name, self.program, self.text, str(self.settings.windows))).encode())
        kept = self.work / f'{key.hexdigest()[:16]}.json'
        if not kept.exists():
            path = self.work / 'candidate.gguf'
            path.unlink(missing_ok=True)
            make(path)
            report = self.work / 'verify.json'
            self.nibble('verify', self.settings.model, path, '--text', self.settings.text, '--chunks',
                        self.settings.windows, '--json', report)
            kld = json.loads(report.read_text())['candidates'][0]['kld']
            # What a manifest adds is no weight of the model.
            result = {'name': name, 'bytes': path.stat().st_size, 'kld': kld['mean'], 'se': kld['se']}
            kept.write_text(json.dumps(result))
            path.unlink()
            pathlib.Path(f'{path}.manifest.json').unlink(missing_ok=True)
        return json.loads(kept.read_text())

    def theirs(self, mix):
        return self.figures(f'llama.cpp {mix}', lambda path: run(
            self.settings.peers / 'bin/llama-quantize', '--imatrix', self.imatrix(), self.source(), path, mix,
            self.settings.threads))

    def ours(self, name, *options):
        return self.figures(name, lambda path: self.nibble(
            'quantize', self.settings.model, '-o', path, '--method', 'weighted', '--imatrix', self.imatrix(), *options))

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
    uniform = list(measurement.uniform())
    lines = [line(('size of', 'MiB', 'llama.cpp', '--fit', 'best of nibble\'s types and mixes that weigh no more')),
             line(['---'] * 5)]
    beaten = []
    for size in sizes:
        theirs = measurement.theirs(size)
        fit = measurement.ours(f'fit {size}', '--fit', f'{theirs["bytes"]}')
        smaller = [figures for figures in uniform if figures['bytes'] <= theirs['bytes']]
        best = min(smaller, key=lambda figures: figures['kld'], default=None)
        others = [figures for figures in (theirs, best) if figures]
        beaten += [f'{size}: {other["name"]} has {other["kld"]:.4f}, --fit {fit["kld"]:.4f}' for other in others
                   if other['kld'] < fit['kld']]
        lines.append(line((size, f'{theirs["bytes"] / KIB / KIB:.1f}', shown(theirs), shown(fit),
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
