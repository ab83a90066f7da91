#!/usr/bin/env python3
"""What several ranks make together, started by mpirun on this machine: the bytes and figures of one process; what
becomes of an output when one of them is killed or fails; what they refuse.

Ends with "N passed, N failed" or "N passed, N failed, N skipped". scripts/test --only mpi runs it.
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / 'tests' / 'faults'))
from faults import LARGE, digest, make_model  # noqa: E402

# Of whoever runs it as root, in a container with fewer cores than ranks.
ENVIRONMENT = {'OMPI_ALLOW_RUN_AS_ROOT': '1', 'OMPI_ALLOW_RUN_AS_ROOT_CONFIRM': '1', 'OMP_WAIT_POLICY': 'passive'}
MPIRUN = ['mpirun', '--oversubscribe', '--bind-to', 'none']

TEXT = ROOT / 'tiny' / 'heldout.txt'
# Options, and the output's name.
JOBS = {
    'rtn': (['quantize', '--type', 'MXFP4', '--method', 'rtn'], 'out.gguf'),
    'weighted': (['quantize', '--type', 'Q4_K'], 'out.gguf'),
    'mix': (['quantize', '--type', 'Q4_K_M'], 'out.gguf'),
    'convert': (['convert', '--dtype', 'f32'], 'out.gguf'),
    'folder': (['quantize', '--type', 'NVFP4', '--max-shard-size', '16MB'], 'out'),
}
# With a text, whose 40 windows are five blocks.
TEXT_JOBS = {
    'gptq': (['quantize', '--type', 'Q4_0', '--calibration-text', TEXT, '--calibration-ctx', '64',
              '--calibration-chunks', '40'], 'out.gguf'),
    'calibrate': (['calibrate', '--text', TEXT, '--ctx', '64', '--chunks', '40'], 'out.gguf'),
    'weighted with a text': (['quantize', '--type', 'MXFP4', '--method', 'weighted', '--memory', '1MiB',
                              '--calibration-text', TEXT, '--calibration-ctx', '64', '--calibration-chunks', '40'],
                             'out.gguf'),
}
ALL_JOBS = {**JOBS, **TEXT_JOBS}


class Tally:
    passed = failed = skipped = 0

    def check(self, name, problems):
        if problems:
            self.failed += 1
            print(f'FAILED: {name}: {"; ".join(problems)}', flush=True)
        else:
            self.passed += 1

    def skip(self, name):
        self.skipped += 1
        print(f'SKIP {name}', flush=True)


class Bench:
    """A folder to work in, and the programs."""

    def __init__(self, args):
        self.plain, self.mpi, self.shim = args.nibble, args.nibble_mpi, args.shim
        self.folder = pathlib.Path(tempfile.mkdtemp())

    def command(self, ranks, *words, program=None):
        nibble = [str(program or self.mpi), *map(str, words)]
        return [*MPIRUN, '-np', str(ranks), *nibble] if ranks else nibble

    def start(self, command, **others):
        return subprocess.Popen(command, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, errors='replace', **others)

    def run(self, ranks, *words, program=None, **others):
        """Exit code, results, and what was said; ranks 0: without mpirun."""
        process = self.start(self.command(ranks, *words, program=program), **others)
        out, error = process.communicate(timeout=300)
        return process.returncode, out, error

    def clear(self, name):
        for path in self.folder.glob(f'{name}*'):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def errors_of(text):
    return [line for line in text.splitlines() if 'nibble: error: ' in line]


def refused(code, error, expected_code, expected_text):
    lines = errors_of(error)
    problems = [] if code == expected_code else [f'exit code {code}: {error[-300:]}']
    if len(lines) != 1 or not re.search(expected_text, lines[0]):
        problems.append(f'expected one line with {expected_text!r}, found {lines}')
    return problems


def same_bytes(tally, bench, name, model, job, all_ranks):
    options, output = ALL_JOBS[job]
    out = bench.folder / output
    words = [*options[:1], model, '-o', out, '--quiet', *options[1:]]
    bench.clear(output)
    expected_code, _, error = bench.run(0, *words, program=bench.plain)
    expected = digest(out)  # none of a type that the model cannot have
    tally.check(f'{name}, {job}: one process', [] if (expected_code, expected is None) in ((0, False), (65, True))
                else [error])
    for ranks in all_ranks:
        bench.clear(output)
        code, _, error = bench.run(ranks, *words)
        problems = [] if code == expected_code else [f'exit code {code}: {error[-300:]}']
        if digest(out) != expected:
            problems.append('other bytes')
        left = [path.name for path in bench.folder.iterdir() if '.part' in path.name]
        tally.check(f'{name}, {job}: {ranks} ranks', problems + ([f'left behind: {left}'] if left else []))
    bench.clear(output)


def figures(path):
    report = json.loads(path.read_text())
    for key in ('seconds', 'ranks', 'device_use'):
        report.pop(key, None)
    return report


def same_figures(tally, bench, name, model, all_ranks):
    small, report = bench.folder / 'small.gguf', bench.folder / 'report.json'
    bench.run(0, 'quantize', model, '-o', small, '--type', 'Q4_0', '--force', '--quiet')
    words = ['verify', model, small, '--text', TEXT, '--ctx', '64', '--chunks', '7', '--json', report, '--quiet']
    code, out, error = bench.run(0, *words, program=bench.plain)
    if code != 0:
        tally.check(f'{name}, verify: one process', [error])
        return
    def table_of(text):
        return re.split('\n  (?:device|processes|time) ', text)[0]

    expected, table = figures(report), table_of(out)
    # Ranks without a window among them; and windows one by one, or all at once.
    for ranks in [*all_ranks, 9]:
        report.unlink()
        code, out, error = bench.run(ranks, *words, '--memory', '1MiB' if ranks % 2 else '1GiB')
        problems = [] if code == 0 else [f'exit code {code}: {error[-300:]}']
        if not report.exists() or figures(report) != expected:
            problems.append('other figures')
        if table_of(out) != table:
            problems.append(f'another table: {out}')
        tally.check(f'{name}, verify: {ranks} ranks', problems)
    code, out, error = bench.run(2, *words, '--max-kld', '0')
    tally.check(f'{name}, verify: a threshold that does not hold', [] if code == 1 else [f'exit code {code}: {error}'])


def refusals(tally, bench, model):
    out = bench.folder / 'out.gguf'
    words = ['quantize', model, '-o', out, '--type', 'Q4_0', '--quiet']
    code, _, error = bench.run(2, *words, program=bench.plain)
    tally.check('a program without MPI', refused(code, error, 64, 'built without MPI, found OMPI_COMM_WORLD_SIZE=2') +
                (['it wrote something'] if out.exists() else []))
    code, _, error = bench.run(1, *words, program=bench.plain)
    tally.check('a program without MPI, alone', [] if code == 0 and digest(out) else [error])
    bench.clear('out')
    code, _, error = bench.run(0, *words)
    tally.check('a program with MPI, started alone', [] if code == 0 and digest(out) else [error])
    bench.clear('out')
    code, _, error = bench.run(2, 'inspect', model)
    tally.check('refused: inspect', refused(code, error, 64, 'expected one process, found 2'))
    code, _, error = bench.run(3, 'quantize', bench.folder / 'nowhere', '-o', out, '--quiet')
    tally.check('no model: said once, as one process says it', refused(code, error, 66, '^nibble: error: (?!rank)'))
    code, _, error = bench.run(3, 'quantize', '--no-such-option')
    tally.check('usage: said once', refused(code, error, 64, '^nibble: error: (?!rank)'))
    code, out_text, error = bench.run(3, '--version')
    tally.check('the version, once', [] if out_text.count('nibble') == 1 else [out_text + error])


def by_rank(bench, *cases):
    """A command line in which rank R runs the Rth case (the last, if there are fewer)."""
    script = 'case $OMPI_COMM_WORLD_RANK in '
    for rank, case in enumerate(cases[:-1]):
        script += f'{rank}) {case};; '
    return ['sh', '-c', f'{script} *) {cases[-1]};; esac']


def different_ranks(tally, bench, model):
    folders = [bench.folder / 'here', bench.folder / 'there']
    for folder in folders:
        folder.mkdir()
    nibble = f'exec {pathlib.Path(bench.mpi).resolve()} quantize'
    tail = '--type Q4_0 --quiet'
    other = bench.folder / 'other'
    shutil.copytree(model, other)
    config = json.loads((other / 'config.json').read_text())
    config['rms_norm_eps'] = 0.5
    (other / 'config.json').write_text(json.dumps(config))
    own = f'cd {folders[0]} && {nibble} {model} -o out.gguf {tail}'
    cases = {
        'the recipe': (own, f'cd {folders[0]} && {nibble} {model} -o out.gguf --type Q4_1 --quiet', 64,
                       'rank 1 on .*: expected the recipe that rank 0'),
        'the config': (own, f'cd {folders[0]} && {nibble} {other} -o out.gguf {tail}', 64,
                       'rank 1 on .*: expected the plan of tensors, types and places that rank 0'),
        'a disk that is not shared': (own, f'cd {folders[1]} && {nibble} {model} -o out.gguf {tail}', 66,
                                      'rank 1 on .*out.gguf.part: expected the file that another process has made'),
        'another file of that name': (own, f'cd {folders[1]} && touch out.gguf.part && '
                                           f'{nibble} {model} -o out.gguf {tail}', 64,
                                      'rank 1 on .*: expected the out.gguf.part, on a disk that all share, that'),
        'the text': (*(f'cd {folders[rank]} && printf %s "{word * 600}" > text && {nibble} {model} '
                       f'-o {folders[0]}/out.gguf {tail} --calibration-text text --calibration-ctx 32 && rm text'
                       for rank, word in enumerate(('this ', 'that '))),
                     64, 'rank 1 on .*: expected the calibration text or importance matrix that rank 0'),
        'no source': (own, f'cd {folders[0]} && {nibble} {model}/no -o out.gguf {tail}', 66, 'rank 1 on .*: '),
    }
    for name, (first, second, code, text) in cases.items():
        process = bench.start([*MPIRUN, '-np', '2', *by_rank(bench, first, second)])
        _, error = process.communicate(timeout=300)
        problems = refused(process.returncode, error, code, text)
        left = [path.name for path in folders[0].iterdir() if path.name != 'text']
        for path in folders[0].iterdir():
            path.unlink()
        tally.check(f'ranks that differ: {name}', problems + ([f'left behind: {left}'] if left else []))


def failing_ranks(tally, bench, model, ranks, options=('quantize', '--type', 'Q4_0'), write=9):
    """A rank whose disk is full or fails, at this write or when it is synced."""
    bench.clear('out')
    out = bench.folder / 'out.gguf'
    words = [options[0], model, '-o', out, '--quiet', *options[1:]]
    nibble = f'{pathlib.Path(bench.mpi).resolve()} {" ".join(map(str, words))} --threads 1'
    bench.run(0, *words)
    expected = digest(out)
    for fault, text in {f'write:{write}:28': 'No space left', f'write:{write}:5': 'Input/output error',
                        'sync:1:5': 'to sync it to the disk'}.items():
        for rank in ranks:
            bench.clear('out')
            faulty = f'env LD_PRELOAD={pathlib.Path(bench.shim).resolve()} FAULT={fault} {nibble}'
            cases = [f'exec {faulty if rank == r else nibble}' for r in range(3)]
            process = bench.start([*MPIRUN, '-np', '3', *by_rank(bench, *cases)])
            _, error = process.communicate(timeout=300)
            problems = refused(process.returncode, error, 75, f'rank {rank} on .*{text}')
            code, _, error = bench.run(2, *words, '--resume')
            if code != 0 or digest(out) != expected:
                problems.append(f'--resume: exit code {code}: {error[-300:]}')
            tally.check(f'a rank fails: {options[0]}, {rank} of 3, {fault}', problems)


def ranks_of(mpirun):
    """The ranks that mpirun started here: processes by rank."""
    ranks = {}
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            parent = int((path / 'stat').read_text().rsplit(')', 1)[1].split()[1])
            if parent != mpirun:
                continue
            found = re.search(rb'OMPI_COMM_WORLD_RANK=(\d+)', (path / 'environ').read_bytes())
        except (OSError, ValueError, IndexError):
            continue
        if found:
            ranks[int(found[1])] = int(path.name)
    return ranks


def kill_at_random(tally, bench, model, tiny, count, generator):
    jobs = ('rtn', 'gptq', 'calibrate', 'weighted', 'convert', 'folder')
    known = {}
    for i in range(count):
        job = jobs[i % len(jobs)]
        options, output = ALL_JOBS[job]
        out = bench.folder / output
        words = [*options[:1], tiny if job in TEXT_JOBS else model, '-o', out, '--threads', '1', '--quiet', *options[1:]]
        if job not in known:
            bench.clear(output)
            begin = time.monotonic()
            bench.run(2, *words)
            known[job] = digest(out), time.monotonic() - begin
        expected, seconds = known[job]
        before, after = generator.choice([(2, 3), (3, 2), (4, 1), (2, 4), (3, 4)])
        rank = generator.randrange(before)
        bench.clear(output)
        process = bench.start(bench.command(before, *words))
        moment = generator.uniform(0.2, seconds * 1.2)
        time.sleep(moment)
        victim = ranks_of(process.pid).get(rank)
        if victim:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                victim = None
        _, error = process.communicate(timeout=300)
        problems = []
        if digest(out) not in (None, expected):
            problems.append('the final path is neither absent nor complete')
        if process.returncode == 0 and digest(out) != expected:
            problems.append('exit code 0 without the output')
        lines = errors_of(error)
        if len(lines) > 1:
            problems.append(f'more than one line: {lines}')
        if digest(out) is None:
            code, _, error = bench.run(after, *words, '--resume')
            if code != 0 or digest(out) != expected:
                problems.append(f'--resume by {after}: exit code {code}: {error[-400:]}')
        left = [path.name for path in bench.folder.iterdir() if '.part' in path.name]
        # Whoever is killed behind the last rename has no time to tidy up; the next job does.
        if left and not all('.part.journal' in name or '.part.states' in name for name in left):
            problems.append(f'left behind: {left}')
        tally.check(f'SIGKILL: {job}, rank {rank} of {before} after {moment:.2f} s, then {after}',
                    problems)


def exit_codes(tally, bench, model, victims):
    """What every rank ends with when one of them dies."""
    out = bench.folder / 'out.gguf'
    for victim in victims:
        bench.clear('out')
        codes = bench.folder / 'codes'
        shutil.rmtree(codes, ignore_errors=True)
        codes.mkdir()
        nibble = f'{pathlib.Path(bench.mpi).resolve()} quantize {model} -o {out} --type IQ4_XS --threads 1 --quiet'
        # sh waits for it, by SIGTERM as well (143), and says what it ended with.
        script = (f'cd {codes}; rank=$OMPI_COMM_WORLD_RANK; trap : TERM; {nibble} & echo $! > pid$rank; wait $!; '
                  f'code=$?; [ $code -eq 143 ] && {{ wait $!; code=$?; }}; echo $code > $rank; exit $code')
        process = bench.start([*MPIRUN, '--mca', 'odls_base_sigkill_timeout', '5', '-np', '3', 'sh', '-c', script])
        part, deadline = pathlib.Path(f'{out}.part.journal.2'), time.monotonic() + 60
        while not part.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        pid = int((codes / f'pid{victim}').read_text())
        os.kill(pid, signal.SIGSTOP)  # else the job may have ended by then
        time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        _, error = process.communicate(timeout=300)
        found = {path.name: path.read_text().strip() for path in codes.iterdir() if path.name.isdigit()}
        problems = [f'rank {rank} ended with {code}' for rank, code in found.items()
                    if int(rank) != victim and code != '75']
        if len(errors_of(error)) > 1:
            problems.append(f'more than one line: {errors_of(error)}')
        tally.check(f'a rank dies: {victim} of 3', problems)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--nibble', required=True, help='without MPI')
    parser.add_argument('--nibble-mpi', required=True)
    parser.add_argument('--shim', required=True, help='tests/faults/shim.cc as a library')
    parser.add_argument('--shared')
    parser.add_argument('--slow', action='store_true')
    parser.add_argument('--only')
    parser.add_argument('--kills', type=int)
    args = parser.parse_args()
    tally, generator = Tally(), random.Random(int(os.environ.get('SEED', '10')))
    bench = Bench(args)
    model = bench.folder / 'model'
    make_model(ROOT / 'tiny' / 'model', model, LARGE)
    tiny = ROOT / 'tiny' / 'model'
    all_ranks = (1, 2, 3, 4)

    def some(all_of_them, quick):
        return all_of_them if args.slow else quick

    def zoo(run):
        for name in some(('qwen3_moe', 'gpt_oss', 'deepseek_v3'), ('qwen3_moe',)):
            if args.shared:
                run(name, pathlib.Path(args.shared) / 'zoo' / 'models' / name)
            else:
                tally.skip(f'{name}: no shared data')

    def bytes_of_all():
        for job in some(JOBS, ('rtn', 'weighted', 'folder')):
            same_bytes(tally, bench, 'made', model, job, some(all_ranks, (2, 4)))
        for job in some(JOBS, ('mix', 'convert')):
            same_bytes(tally, bench, 'tiny', tiny, job, some(all_ranks, (3,)))
        for job in some(TEXT_JOBS, ('gptq', 'calibrate')):
            same_bytes(tally, bench, 'tiny', tiny, job, some(all_ranks, (3,)))
        zoo(lambda name, path: [same_bytes(tally, bench, name, path, job, some(all_ranks, (3,)))
                                for job in some(ALL_JOBS, ('rtn', 'gptq'))])

    def figures_of_all():
        same_figures(tally, bench, 'tiny', tiny, some(all_ranks, (2, 3)))
        zoo(lambda name, path: same_figures(tally, bench, name, path, some(all_ranks, (2,))))

    parts = {
        'bytes': bytes_of_all,
        'figures': figures_of_all,
        'refusals': lambda: refusals(tally, bench, model),
        'differences': lambda: different_ranks(tally, bench, model),
        'failures': lambda: [failing_ranks(tally, bench, model, some((0, 2), (2,))),
                             *(failing_ranks(tally, bench, tiny, some((0, 2), (2,)), TEXT_JOBS[job][0], write)
                               for job, write in some((('gptq', 9), ('calibrate', 2)), ()))],
        'exit codes': lambda: exit_codes(tally, bench, model, some((0, 1, 2), (1,))),
        'kills': lambda: kill_at_random(tally, bench, model, tiny, args.kills or some(60, 3), generator),
    }
    try:
        for name, part in parts.items():
            if args.only in (None, name):
                part()
    finally:
        shutil.rmtree(bench.folder)
    skipped = f', {tally.skipped} skipped' if tally.skipped else ''
    print(f'{tally.passed} passed, {tally.failed} failed{skipped}')
    return 1 if tally.failed else 0


if __name__ == '__main__':
    sys.exit(main())
