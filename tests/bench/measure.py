#!/usr/bin/env python3
"""How fast nibble quantizes, beside llama-quantize. scripts/bench calls it.

Both write the same types (--pure) from the same weights in turns, nibble from a safetensors folder in BF16,
llama-quantize from an F16 GGUF whose making is not counted. `sync` runs before each and is counted after it. What the
machine can do is measured between them, and every time is told as a share of it too.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import report

# nibble's name of a type, its method, llama-quantize's name, and the bound on the ratio of the times.
TYPES = {
    'MXFP4': ('rtn', 'MXFP4_MOE', 3), 'Q4_0': ('rtn', 'Q4_0', 3), 'Q8_0': ('rtn', 'Q8_0', None),
    'Q4_K': ('weighted', 'Q4_K', 5), 'IQ4_XS': ('weighted', 'IQ4_XS', 8), 'Q5_K': ('weighted', 'Q5_K', None),
    'Q6_K': ('weighted', 'Q6_K', None), 'IQ4_NL': ('weighted', 'IQ4_NL', None),
}
CHUNK = 8 << 20


@dataclasses.dataclass
class Run:
    seconds: float
    processor_seconds: float
    peak_bytes: int


def run(command):
    """Its time until all is on the disk, and its peak memory."""
    os.sync()
    begin = time.monotonic()
    with open(os.devnull, 'wb') as null:
        process = subprocess.Popen([str(word) for word in command], stdout=null, stderr=subprocess.PIPE)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
    os.sync()
    seconds = time.monotonic() - begin
    if status:
        sys.exit(f'{" ".join(map(str, command))}\n{errors.decode(errors="replace")[-1000:]}')
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def warm(path):
    with open(path, 'rb', buffering=0) as file:
        while file.read(CHUNK):
            pass


def cool(path):
    os.sync()
    with open(path, 'rb') as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def copy(source, target, size):
    """Reads all of `source` and writes and syncs `size` bytes, one after the other: what moving the bytes takes."""
    os.sync()
    begin = time.monotonic()
    warm(source)
    block = os.urandom(CHUNK)
    with open(target, 'wb', buffering=0) as file:
        for left in range(size, 0, -CHUNK):
            file.write(block[:left])
        os.fsync(file.fileno())
    os.sync()
    seconds = time.monotonic() - begin
    target.unlink()
    return seconds


class Measurement:
    def __init__(self, settings):
        self.settings = settings
        self.source = settings.model / 'model.safetensors'
        self.peer_source = settings.work / 'source-f16.gguf'
        self.output = settings.work / 'output.gguf'

    def prepare(self):
        if not self.peer_source.exists():
            part = self.peer_source.with_name('part.gguf')
            run((self.settings.nibble, 'convert', self.settings.model, '-o', part, '--dtype', 'f16', '--force', '--quiet'))
            part.rename(self.peer_source)

    def command(self, name, side):
        method, peer_name, _ = TYPES[name]
        threads = str(self.settings.threads)
        if side == 'nibble':
            return (self.settings.nibble, 'quantize', self.settings.model, '-o', self.output, '--type', name, '--pure',
                    '--method', method, '--threads', threads, '--quiet')
        return (self.settings.peers / 'bin' / 'llama-quantize', '--pure', self.peer_source, self.output, peer_name, threads)

    def once(self, name, side, cache):
        source = self.source if side == 'nibble' else self.peer_source
        (warm if cache == 'warm' else cool)(source)
        done = run(self.command(name, side))
        self.size = self.output.stat().st_size
        self.output.unlink()
        return done

    def of_type(self, name, cache):
        sides = {'nibble': [], 'llama.cpp': [], 'copy': []}
        for turn in range(self.settings.rounds):
            for side in ('nibble', 'llama.cpp') if turn % 2 == 0 else ('llama.cpp', 'nibble'):
                sides[side].append(self.once(name, side, cache))
                if side == 'nibble':
                    bytes_written = self.size
            (warm if cache == 'warm' else cool)(self.source)
            sides['copy'].append(copy(self.source, self.output, bytes_written))
            print(f'  {name} {cache}: ' + ', '.join(
                f'{side} {getattr(runs[-1], "seconds", runs[-1]):.2f} s' for side, runs in sides.items()), file=sys.stderr,
                flush=True)
        ratios = [theirs.seconds / ours.seconds for ours, theirs in zip(sides['nibble'], sides['llama.cpp'], strict=True)]
        shares = [seconds / ours.seconds for ours, seconds in zip(sides['nibble'], sides['copy'], strict=True)]
        return {
            'type': name, 'method': TYPES[name][0], 'cache': cache, 'bound': TYPES[name][2], 'bytes': bytes_written,
            'ratio': statistics.median(ratios), 'ratios': sorted(ratios), 'copy_share': statistics.median(shares),
            **{f'{side}_{field}': statistics.median(getattr(run, field) for run in runs)
               for side, runs in sides.items() if side != 'copy' for field in ('seconds', 'processor_seconds', 'peak_bytes')},
        }


    def memory(self, layers):
        """The peaks, and parameters, of quantizing a model of so many layers that is a hole in the disk."""
        model = self.settings.work / 'sparse'
        make = pathlib.Path(__file__).with_name('make_model.py')
        tokenizer = self.settings.model  # has the files of the tiny model's
        subprocess.run([sys.executable, make, tokenizer, model, '--layers', str(layers), '--sparse'], check=True)
        row = {'parameters': (model / 'model.safetensors').stat().st_size / 2}
        for method in ('rtn', 'weighted'):
            done = run((self.settings.nibble, 'quantize', model, '-o', self.output, '--type', 'MXFP4', '--method', method,
                        '--threads', str(self.settings.threads), '--quiet'))
            row[method] = done.peak_bytes
            self.output.unlink()
        shutil.rmtree(model)
        return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--nibble', required=True, type=pathlib.Path)
    parser.add_argument('--peers', required=True, type=pathlib.Path)
    parser.add_argument('--bounds', required=True, type=pathlib.Path, help='the program that measures the machine')
    parser.add_argument('--model', required=True, type=pathlib.Path, help='the folder that make_model.py makes')
    parser.add_argument('--work', required=True, type=pathlib.Path, help='where the files are written')
    parser.add_argument('--types', default=','.join(TYPES), help='(%(default)s)')
    parser.add_argument('--caches', default='warm,cold', help='of the source, when a program starts (%(default)s)')
    parser.add_argument('--sizes', default='2,22,111', help='layers of the models that memory is measured with (%(default)s)')
    parser.add_argument('--rounds', type=int, default=5, help='pairs of each (%(default)s)')
    parser.add_argument('--threads', type=int, default=os.cpu_count(), help='(%(default)s)')
    parser.add_argument('--note', default='', help='what the reader should know of this machine today')
    parser.add_argument('--report', type=pathlib.Path, help="the Markdown file whose section 'Quantizing' is replaced")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    measurement = Measurement(args)
    measurement.prepare()
    bounds = json.loads(subprocess.run([args.bounds, args.work, str(args.threads)], check=True, capture_output=True).stdout)
    types = list(filter(None, args.types.split(',')))
    rows = [measurement.of_type(name, cache) for cache in args.caches.split(',') for name in types]
    memory = [measurement.memory(int(layers)) for layers in filter(None, args.sizes.split(','))]
    section = report.section(bounds, rows, memory, args)
    print(section)
    if args.report:
        report.replace(args.report, section)


if __name__ == '__main__':
    main()
