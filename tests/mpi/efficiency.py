#!/usr/bin/env python3
"""How two ranks of one thread do beside one process of two threads: pairs in turns, of each kind of job that ranks
share, on a machine of two cores that has nothing else to do (or does it at a lower priority).

usage: tests/mpi/efficiency.py --nibble bazel-bin/nibble --nibble-mpi bazel-bin/nibble_mpi --model SMOLLM2 --text FILE
           --moe FOLDER [--pairs 5] [--only NAME]

Bytes and figures of both must be the same. Ratios are of the wall, and of the job: the wall less what the
same start and end take around `nibble --version`. Medians, and the least and the most.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from mpi import ENVIRONMENT, MPIRUN, ROOT, figures

sys.path.append(str(ROOT / 'tests' / 'faults'))
from faults import digest  # noqa: E402

BOUND = 1.15


def first_layers(source, target, count):
    """A model of the first layers of another, which a job on a text takes as much less time with."""
    target.mkdir()
    for path in source.glob('*.json'):
        shutil.copy(path, target)
    config = json.loads((source / 'config.json').read_text())
    config['num_hidden_layers'] = count
    (target / 'config.json').write_text(json.dumps(config))
    with open(source / 'model.safetensors', 'rb') as file:
        length, = struct.unpack('<Q', file.read(8))
        header, begin = json.loads(file.read(length)), 8 + length
        header.pop('__metadata__', None)
        kept = {name: entry for name, entry in header.items()
                if '.layers.' not in name or int(name.split('.layers.')[1].split('.')[0]) < count}
        offset, parts = 0, []
        for entry in kept.values():
            first, last = entry['data_offsets']
            file.seek(begin + first)
            parts.append(file.read(last - first))
            entry['data_offsets'] = [offset, offset + last - first]
            offset += last - first
    text = json.dumps(kept).encode()
    text += b' ' * (-len(text) % 8)
    (target / 'model.safetensors').write_bytes(struct.pack('<Q', len(text)) + text + b''.join(parts))


class Pairs:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder

        self.around = {ranks: statistics.median(self.wall(ranks, ['--version']) for _ in range(3)) for ranks in (1, 2)}

    def wall(self, ranks, words):
        launcher = [*MPIRUN, '-np', str(ranks), self.args.nibble_mpi] if ranks > 1 else [self.args.nibble]
        command = [str(word) for word in (*launcher, *words)]
        begin = time.monotonic()
        done = subprocess.run(command, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f'{" ".join(command)}: {done.stderr[-1000:]}')
        return time.monotonic() - begin

    def once(self, ranks, words, output):
        """Wall and job seconds, and what came of it."""
        wall = self.wall(ranks, [*words, '--quiet', '--threads', 2 // ranks])
        return wall, wall - self.around[ranks], figures(output) if output.suffix == '.json' else digest(output)

    def of_job(self, name, words, output):
        ones, twos = [], []
        for turn in range(self.args.pairs):
            for ranks, runs in ((1, ones), (2, twos))[::-1 if turn % 2 else 1]:
                runs.append(self.once(ranks, words, output))
        same = all(run[2] == ones[0][2] for run in ones + twos)
        row = [name]
        for field in (1, 0):
            ratios = sorted(two[field] / one[field] for one, two in zip(ones, twos, strict=True))
            row += [*(f'{statistics.median(run[field] for run in runs):.1f} s' for runs in (ones, twos)),
                    f'{statistics.median(ratios):.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}]']
        print('| ' + ' | '.join([*row, 'yes' if same else '**no**']) + ' |', flush=True)
        return same and statistics.median(two[1] / one[1] for one, two in zip(ones, twos, strict=True)) <= BOUND


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('--nibble', '--nibble-mpi', '--model', '--moe', '--text'):
        parser.add_argument(name, required=True, type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument('--pairs', type=int, default=5, help='of each job (%(default)s)')
    parser.add_argument('--layers', type=int, default=4, help='of the model that jobs on a text have (%(default)s)')
    parser.add_argument('--only', help='one of the jobs')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cut, out, small, report = folder / 'model', folder / 'out.gguf', folder / 'small.gguf', folder / 'report.json'
        first_layers(args.model, cut, args.layers)
        subprocess.run([args.nibble, 'quantize', cut, '-o', small, '--type', 'Q4_K', '--quiet'], check=True)
        made = ['-o', out, '--force']
        on_text = ['--calibration-text', args.text, '--calibration-chunks', 12]
        jobs = {
            'MXFP4, rtn': (['quantize', args.model, '--type', 'MXFP4', '--method', 'rtn', *made], out),
            'Q4_K, weighted': (['quantize', args.model, '--type', 'Q4_K', *made], out),
            'Q4_0, gptq': (['quantize', cut, '--type', 'Q4_0', *on_text, *made], out),
            'experts, Q4_0, gptq': (['quantize', args.moe, '--type', 'Q4_0', '--calibration-text', args.text,
                                     '--calibration-chunks', 64, *made], out),
            'verify': (['verify', cut, small, '--text', args.text, '--chunks', 16, '--json', report], report),
        }
        print('| job | one process | two ranks | ratio | wall: one | two | ratio | same |\n' + '|---' * 8 + '|')
        pairs = Pairs(args, folder)
        held = [pairs.of_job(name, *job) for name, job in jobs.items() if args.only in (None, name)]
    return 0 if all(held) else 1


if __name__ == '__main__':
    sys.exit(main())
