#!/usr/bin/env python3
"""How close to the original nibble's files are, beside llama.cpp's of the same bytes. scripts/accuracy calls it.

What is measured is kept in the working directory, so that a run that was cut off goes on where it was; what another
nibble made is measured anew. Exits with 1 if a pair of files is not of the same types and bytes.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import sys

import report
from rows import ROWS
from tools import Failed, Stopwatch, Tools, describe, digest

FULL = {'windows': 40, 'calibration_windows': 128}
PEER_WINDOWS = 100
EXPERTS = {'ctx': 128, 'calibration_windows': 64}  # of the zoo's models, which are small and know short texts
USAGE = 64  # nibble's exit code for a type or an option that it does not know


class Measurement:
    def __init__(self, settings):
        self.settings, self.tools = settings, Tools(settings)
        self.results = settings.work / 'results'
        self.results.mkdir(exist_ok=True)

    def kept(self, what, text, measure):
        """The result that is filed under `what` was done and the text; `measure()` where there is none."""
        key = json.dumps({**what, 'text': digest(text), 'windows': self.settings.windows}, sort_keys=True)
        path = self.results / (hashlib.sha256(key.encode()).hexdigest()[:16] + '.json')
        if not path.exists():
            result = {'what': json.loads(key), **measure()}
            part = path.with_suffix('.part')
            part.write_text(json.dumps(result, indent=1))
            part.rename(path)
        return json.loads(path.read_text())

    def of_file(self, what, make):
        """A GGUF that `make(path)` makes, measured by llama-perplexity on every text; made only where that is needed."""
        path = self.settings.work / 'candidate.gguf'
        made = {}

        def measure(text):
            if not made:
                path.unlink(missing_ok=True)
                with Stopwatch() as watch:
                    told = make(path)
                made.update(describe(path), seconds=watch.seconds, calibration=(told or {}).get('calibration'))
            return {**made, 'kld': self.tools.divergence(path, text)}

        try:
            return {text.name: self.kept(what, text, lambda text=text: measure(text)) for text in self.settings.text}
        finally:
            path.unlink(missing_ok=True)

    # Columns.

    def peer(self, row):
        what = {'column': 'llama.cpp', 'row': row.name}
        if row.peer_imatrix:
            what |= {'calibration': self.tools.calibration, 'calibration_windows': self.settings.peer_windows}
        return self.of_file(what, lambda path: self.tools.quantize_peer(row, path))

    def ours(self, row, column, options):
        what = {'column': column, 'row': row.name, 'nibble': self.tools.ours, 'calibration': self.tools.calibration,
                'calibration_windows': self.settings.calibration_windows}
        if column == 'nibble':
            what['options'] = self.settings.quantize_options
        if column == 'their imatrix':
            what['peer_windows'] = self.settings.peer_windows
        return self.of_file(what, lambda path: self.tools.quantize(row, path, options()))

    def by_imatrix(self, imatrix):
        return lambda: ('--method', 'weighted', '--imatrix', imatrix())

    def with_text(self, *options):
        return lambda: (*self.tools.with_text(), *options)

    def default(self):
        return self.with_text(*shlex.split(self.settings.quantize_options))

    # Rows: by column, and in it by text.

    def peer_row(self, row):
        columns = {'llama.cpp': self.peer(row)}
        if not self.settings.headline:
            columns['their imatrix'] = self.ours(row, 'their imatrix', self.by_imatrix(self.tools.peer_imatrix))
            columns['our imatrix'] = self.ours(row, 'our imatrix', self.by_imatrix(self.tools.own_imatrix))
        columns['nibble'] = self.ours(row, 'nibble', self.default())
        return columns

    def shuffled_row(self, row):
        return {'our imatrix': self.ours(row, 'our imatrix', self.by_imatrix(self.tools.own_imatrix)),
                'shuffled': self.ours(row, 'shuffled', self.by_imatrix(self.tools.shuffled_imatrix))}

    def own_row(self, row):
        """Types that llama-perplexity does not read, by nibble verify: integer groups come in folders."""
        ending = '' if row.name.startswith('INT4') else '.gguf'
        columns = {'weighted': self.with_text('--method', 'weighted'), 'nibble': self.default()}
        paths = [self.settings.work / f'{row.name}-{column}{ending}' for column in columns]
        made = False

        def measure(text):
            nonlocal made
            if not made:
                for path, options in zip(paths, columns.values(), strict=True):
                    self.tools.quantize(row, path, options())
                made = True
            return {'columns': dict(zip(columns, self.tools.verify(row, paths, text), strict=True))}

        what = {'row': row.name, 'nibble': self.tools.ours, 'calibration': self.tools.calibration,
                'calibration_windows': self.settings.calibration_windows, 'options': self.settings.quantize_options}
        try:
            texts = {text.name: self.kept(what, text, lambda text=text: measure(text)) for text in self.settings.text}
        finally:
            for path in paths:
                remove(path)
        return {column: {name: {'kld': result['columns'][column]} for name, result in texts.items()}
                for column in columns}

    def experts_row(self, row):
        """Predictions, and the experts' held-out outputs as quantize tells them: error feedback against the search."""
        ctx = str(EXPERTS['ctx'])
        options = ('--calibration-text', self.settings.calibration_text, '--calibration-ctx', ctx,
                   '--calibration-chunks', str(EXPERTS['calibration_windows']))
        paths = {name: self.settings.work / f'{row.name}-{name}.gguf' for name in ('weighted', 'nibble')}

        def measure(text):
            self.tools.quantize(row, paths['weighted'], (*options, '--method', 'weighted'))
            told = self.tools.quantize(row, paths['nibble'], options)['calibration']['linears']
            ratios = [linear['error'] / linear['searched_error'] for linear in told
                      if 'expert' in linear and linear.get('searched_error')]
            klds = self.tools.verify(row, paths.values(), text, '--ctx', ctx)
            return {'columns': dict(zip(paths, klds, strict=True)), 'outputs': ratios}

        what = {'row': row.name, 'nibble': self.tools.ours, 'calibration': self.tools.calibration, **EXPERTS}
        try:
            texts = {text.name: self.kept(what, text, lambda text=text: measure(text)) for text in self.settings.text}
        finally:
            for path in paths.values():
                remove(path)
        return {name: {text: {'kld': result['columns'][name], 'outputs': result['outputs']}
                       for text, result in texts.items()} for name in paths}

    def measure(self, row):
        """The row's columns, or why there are none."""
        print(f'{row.name}:', file=sys.stderr, flush=True)
        try:
            return {'peer': self.peer_row, 'shuffled': self.shuffled_row, 'own': self.own_row,
                    'experts': self.experts_row}[row.kind](row), None
        except Failed as error:
            if error.code == USAGE:
                print(f'accuracy: {error.last_line}', file=sys.stderr, flush=True)
                return None, 'this nibble does not make it'
            raise


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def file(text):
    path = pathlib.Path(text).resolve()
    if not path.exists():
        raise argparse.ArgumentTypeError(f'there is no {text}')
    return path


def names(text):
    unknown = [name for name in text.split(',') if name not in ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f'expected some of {",".join(ROWS)}; found {unknown[0]}')
    return text.split(',')


def positive(text):
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f'expected a number above 0, found {text}')
    return int(text)


def parse():
    parser = argparse.ArgumentParser(prog='scripts/accuracy', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rows', type=names, default=list(ROWS), help=f'some of {",".join(ROWS)}; all by default')
    parser.add_argument('--windows', type=positive, default=FULL['windows'],
                        help='windows of 512 tokens to measure on, the first of each text (%(default)s)')
    parser.add_argument('--calibration-windows', type=positive, default=FULL['calibration_windows'],
                        help=f'windows to calibrate on (%(default)s; llama-imatrix takes {PEER_WINDOWS} of them)')
    parser.add_argument('--text', type=file, action='append', metavar='FILE',
                        help='what to measure on; repeatable (wiki.test.raw of the shared data)')
    parser.add_argument('--calibration-text', type=file, metavar='FILE', help='exl3_c4.utf8 of the shared data')
    parser.add_argument('--quantize-options', default='', metavar='"..."',
                        help="further options of nibble quantize, for the column 'nibble'")
    parser.add_argument('--headline', action='store_true', help='no columns for the weighted search')
    parser.add_argument('--output', type=pathlib.Path, metavar='FILE',
                        help='where the report goes (docs/accuracy.md, if all of it was measured as it should be)')
    parser.add_argument('--threads', type=positive, default=os.cpu_count(), help='(%(default)s)')
    places = parser.add_argument_group('places', 'scripts/accuracy gives these, unless you do')
    for name, what in (('nibble', 'the program'), ('peers', "a folder with llama.cpp's bin/"),
                       ('model', 'the checkpoint'), ('zoo', "the zoo's models"),
                       ('data', 'the unpacked shared data')):
        places.add_argument(f'--{name}', type=file, required=True, metavar='PATH', help=what)
    places.add_argument('--work', type=pathlib.Path, required=True, metavar='DIR',
                        help='the working directory: 2 GB for 40 windows')
    settings = parser.parse_args()
    settings.text = settings.text or [file(settings.data / 'texts/wiki.test.raw')]
    settings.calibration_text = settings.calibration_text or file(settings.data / 'texts/exl3_c4.utf8')
    settings.peer_windows = min(PEER_WINDOWS, settings.calibration_windows)
    settings.work = settings.work.resolve()
    settings.work.mkdir(parents=True, exist_ok=True)
    if len({text.name for text in settings.text}) < len(settings.text):
        parser.error('--text: expected files of different names')
    if settings.calibration_text in settings.text:
        parser.error('--text: expected another text than the calibration text')
    return settings


def is_full(settings):
    return (settings.rows == list(ROWS) and not settings.quantize_options and not settings.headline and
            all(getattr(settings, name) == value for name, value in FULL.items()))


def main():
    settings = parse()
    measurement = Measurement(settings)
    measured = {name: measurement.measure(ROWS[name]) for name in settings.rows}
    text, unequal = report.write(measured, settings)
    print(text)
    output = settings.output or (pathlib.Path('docs/accuracy.md') if is_full(settings) else None)
    if output:
        output.write_text(text)
        print(f'accuracy: wrote {output}', file=sys.stderr)
    for line in unequal:
        print(f'accuracy: NOT THE SAME BYTES: {line}', file=sys.stderr)
    return 1 if unequal else 0


if __name__ == '__main__':
    sys.exit(main())
