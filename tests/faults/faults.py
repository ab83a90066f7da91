#!/usr/bin/env python3
"""What becomes of an output when the program is killed, its calls fail, or its files are tampered with.

After every fault: the final path is absent, as it was, or complete; the exit code is one that the fault may have, and
no signal; one line names the error; and --resume gives the bytes of an uninterrupted run.

Ends with "N passed, N failed". scripts/test runs it.
"""
import argparse
import contextlib
import errno
import hashlib
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# Of a model: its hidden size, the size between feed-forward linears, its vocabulary, and its layers.
LARGE, SMALL = (512, 1536, 2048, 6), (64, 128, 1024, 5)

# Of each call: how it may fail, the exit codes that may come of it, and how many of its calls are tried at most
# without --slow. 0: what failed was not needed, or was tried again; the output is complete then.
FAULTS = {
    'write': (('kill', errno.ENOSPC, errno.EIO, 'short', errno.EINTR), {0, 74}, 6),
    'read': ((errno.EIO, 'short', errno.EINTR), {0, 74}, 4),
    'sync': (('kill', errno.EIO), {74}, 9),
    'rename': (('kill', errno.EIO, errno.EACCES), {73, 74}, 9),
    'reserve': ((errno.ENOSPC, errno.EIO), {74}, 9),
    'resize': ((errno.EIO,), {74}, 9),
    'remove': (('kill', errno.EACCES), {0, 73}, 9),
    'open': ((errno.EMFILE, errno.EIO), {0, 71, 73, 74}, 5),
    'allocate': ((errno.ENOMEM,), {0, 71}, 12),
}

# What jobs are interrupted: command and options, and the output's name.
JOBS = {
    'rtn': (['quantize', '--type', 'Q4_0', '--method', 'rtn'], 'out.gguf'),
    'weighted': (['quantize', '--type', 'IQ4_XS'], 'out.gguf'),
    'convert': (['convert', '--dtype', 'f32'], 'out.gguf'),
    'folder': (['quantize', '--type', 'INT4_G32', '--max-shard-size', '16MB'], 'out'),
}
# Those that run a text: TEXT stands for its path.
TEXT_JOBS = {
    'gptq': (['quantize', '--type', 'MXFP4', '--calibration-text', 'TEXT', '--calibration-ctx', '64',
              '--calibration-chunks', '8'], 'out.gguf'),
    'gptq folder': (['quantize', '--type', 'INT4_G32', '--max-shard-size', '200KB', '--calibration-text', 'TEXT',
                     '--calibration-ctx', '64', '--calibration-chunks', '8', '--memory', '1KiB'], 'out'),
    'calibrate': (['calibrate', '--text', 'TEXT', '--ctx', '64', '--chunks', '40'], 'out.gguf'),
}


class Tally:
    passed = failed = 0

    def __init__(self):
        self.parts = {}

    def check(self, name, problems):
        if problems:
            self.failed += 1
            print(f'FAILED: {name}: {"; ".join(problems)}', flush=True)
        else:
            self.passed += 1
            part = name.split(':')[0]
            self.parts[part] = self.parts.get(part, 0) + 1


def make_model(tiny, out, size):
    """A Llama folder in BF16 of LARGE or SMALL size, which takes a second to quantize, or with a text, and has the tiny
    model's tokenizer."""
    hidden, intermediate, vocabulary, layers = size
    generator = random.Random(1)
    pool = bytearray()
    for _ in range(1 << 15):
        exponent, rest = generator.randrange(115, 123), generator.randrange(256)
        pool += (rest << 15 & 0x8000 | exponent << 7 | rest >> 1).to_bytes(2, 'little')
    shapes = [('model.embed_tokens', (vocabulary, hidden))]
    for layer in range(layers):
        linears = {'self_attn.q_proj': (hidden, hidden), 'self_attn.k_proj': (hidden, hidden),
                   'self_attn.v_proj': (hidden, hidden), 'self_attn.o_proj': (hidden, hidden),
                   'mlp.gate_proj': (intermediate, hidden), 'mlp.up_proj': (intermediate, hidden),
                   'mlp.down_proj': (hidden, intermediate), 'input_layernorm': (hidden,),
                   'post_attention_layernorm': (hidden,)}
        shapes += [(f'model.layers.{layer}.{name}', shape) for name, shape in linears.items()]
    shapes += [('model.norm', (hidden,)), ('lm_head', (vocabulary, hidden))]
    entries, end = {}, 0
    for name, shape in shapes:
        size = 2
        for dimension in shape:
            size *= dimension
        entries[f'{name}.weight'] = {'dtype': 'BF16', 'shape': shape, 'data_offsets': [end, end + size]}
        end += size
    header = json.dumps(entries).encode()
    header += b' ' * (-len(header) % 8)
    out.mkdir()
    with open(out / 'model.safetensors', 'wb') as file:
        file.write(len(header).to_bytes(8, 'little') + header)
        while end > 0:
            first = 2 * generator.randrange(1 << 14)
            file.write(pool[first:first + min(end, 1 << 15)])
            end -= min(end, 1 << 15)
    for path in tiny.glob('*token*.json'):
        shutil.copy(path, out)
    config = json.loads((tiny / 'config.json').read_text())
    config.update(hidden_size=hidden, intermediate_size=intermediate, vocab_size=vocabulary,
                  num_hidden_layers=layers, num_attention_heads=8, num_key_value_heads=8, head_dim=hidden // 8,
                  tie_word_embeddings=False)
    (out / 'config.json').write_text(json.dumps(config))


def digest(path):
    """Of a file, or of all files of a folder; None: there is nothing."""
    if not path.exists():
        return None
    total = hashlib.sha256()
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        total.update(file.name.encode())
        with open(file, 'rb') as stream:
            while block := stream.read(1 << 20):
                total.update(block)
    return total.hexdigest()


class Bench:
    """One job on one model in a folder of its own."""

    def __init__(self, args, model, job):
        self.nibble, self.shim, self.model, self.job = args.nibble, args.shim, model, job
        (self.verb, *options), name = {**JOBS, **TEXT_JOBS}[job]
        self.options = [str(args.text) if option == 'TEXT' else option for option in options]
        self.is_folder, self.has_text = name == 'out', job in TEXT_JOBS
        self.threads = 1
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=args.work))
        self.out = self.folder / name
        self.part, self.journal = self.folder / f'{name}.part', self.folder / f'{name}.part.journal'
        self.states = self.folder / f'{name}.part.states'
        begin = time.monotonic()
        code, error = self.run()
        self.seconds = time.monotonic() - begin
        if code != 0:
            sys.exit(f'{job}: {error}')
        self.expected = digest(self.out)

    def command(self, *more):
        return [str(self.nibble), self.verb, str(self.model), '-o', str(self.out), '--quiet',
                '--threads', str(self.threads),
                *self.options, *more]

    def start(self, *more, fault=None, counts=None, **others):
        env = dict(os.environ)
        if fault or counts:
            env.update(LD_PRELOAD=str(self.shim), FAULT=fault or '', FAULT_COUNTS=str(counts or ''))
        return subprocess.Popen(self.command(*more), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                text=True, errors='replace', **others)

    def run(self, *more, **others):
        process = self.start(*more, **others)
        error = process.communicate(timeout=120)[1]
        return process.returncode, error

    def clear(self):
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def count(self):
        """How many calls of each kind an uninterrupted run makes."""
        self.clear()
        counts = self.folder / 'counts'
        self.run(counts=counts)
        lines = [line.split() for line in counts.read_text().splitlines()]
        counts.unlink()
        return {call: int(number) for call, number in lines}

    def aftermath(self, code, error, allowed, before=None):
        """What is wrong after a fault; `before`: the digest of what stood at the final path."""
        problems = []
        if code not in allowed:
            problems.append(f'exit code {code}, {error.strip()[-300:]!r}')
        now = digest(self.out)
        if now not in ({self.expected} if code == 0 else {before, self.expected}):
            problems.append(f'exit code {code}, and the final path is neither as it was nor complete')
        lines = [line for line in error.splitlines() if line.startswith('nibble: error: ')]
        if code > 0 and (len(lines) != 1 or len(error.strip().splitlines()) != 1):
            problems.append(f'not one line of error: {error[-300:]!r}')
        return problems

    def resume(self, *more):
        """What is wrong with going on."""
        if digest(self.out) == self.expected:
            return []
        code, error = self.run('--resume', *more)
        if code != 0:
            return [f'--resume ended with {code}, {error.strip()[-300:]!r}']
        problems = [] if digest(self.out) == self.expected else ['--resume gave other bytes']
        left = [path.name for path in self.folder.iterdir() if '.part' in path.name]
        return problems + ([f'left behind: {left}'] if left else [])

    def stopped(self, call, number):
        """The job, stopped (SIGSTOP) before its Nth call."""
        self.clear()
        process = self.start(fault=f'{call}:{number}:stop')
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return process

    def killed_late(self, calls, share=3 / 4):
        """What a run leaves that is killed when most of its work is done."""
        self.clear()
        self.run(fault=f'write:{int(calls["write"] * share)}:kill')


def kill_at_random(tally, benches, count, generator):
    for i in range(count):
        bench = benches[i % len(benches)]
        bench.clear()
        process = bench.start()
        moment = generator.uniform(0, bench.seconds * 1.05)
        time.sleep(moment)
        process.kill()
        error = process.communicate()[1]
        problems = bench.aftermath(process.returncode, error, {0, -signal.SIGKILL})
        # Once more, while it goes on.
        process = bench.start('--resume', *(['--force'] if bench.out.exists() else []))
        time.sleep(generator.uniform(0, bench.seconds / 2))
        process.kill()
        process.communicate()
        tally.check(f'SIGKILL at random: {bench.job} after {moment:.3f} s', problems + bench.resume())


def fail_each_call(tally, bench, slow, generator):
    calls = bench.count()
    for call, (ways, allowed, most) in FAULTS.items():
        most = 2 if bench.has_text else most  # these jobs take longer
        for how in ways:
            numbers = range(1, calls[call] + 1)
            if not slow and len(numbers) > most:
                numbers = sorted({1, calls[call], *generator.sample(numbers, most - 2)})
            for number in numbers:
                for old in (False, True) if call == 'rename' else (False,):
                    bench.clear()
                    if old:
                        bench.out.mkdir() if bench.is_folder else None
                        (bench.out / 'config.json' if bench.is_folder else bench.out).write_text('{}')
                    force = ['--force'] if old else []
                    before = digest(bench.out)
                    code, error = bench.run(*force, fault=f'{call}:{number}:{how}')
                    expected = {-signal.SIGKILL, 0} if how == 'kill' else {0} if how in ('short', errno.EINTR) else allowed
                    if bench.has_text:
                        expected = expected | {0}  # how many checkpoints there are is a matter of time
                    problems = bench.aftermath(code, error, expected, before)
                    tally.check(f'a call fails, {call}: {bench.job}, {number} of {calls[call]}, with {how}',
                                problems + bench.resume(*force))


def signals(tally, bench, count, generator):
    for i in range(count):
        number = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[i % 3]
        while True:
            bench.clear()
            process = bench.start()
            # Before there is a journal there is nothing to go on with, and no hint; a busy machine takes long until then.
            while not bench.journal.exists() and process.poll() is None:
                time.sleep(0.001)
            time.sleep(generator.uniform(0, 0.9) * bench.seconds)
            begin = time.monotonic()
            process.send_signal(number)
            if i % 2:
                process.send_signal(number)
            error = process.communicate()[1]
            if process.returncode != 0 and digest(bench.out) != bench.expected:
                break
            bench.seconds *= 0.9  # it was done before: the machine is less busy than it was
        problems = bench.aftermath(process.returncode, error, {75})
        if time.monotonic() - begin > 10:
            problems.append('more than 10 s')
        if 'run again with --resume' not in error or not bench.journal.exists():
            problems.append(f'no hint, or nothing to go on with: {error!r}')
        tally.check(f'a signal: {number}', problems + bench.resume())


def two_writers(tally, bench):
    for more in ([], ['--force'], ['--resume'], ['--resume', '--force']):
        first = bench.stopped('write', 20)
        code, error = bench.run(*more)
        problems = bench.aftermath(code, error, {75})
        first.send_signal(signal.SIGCONT)
        error = first.communicate()[1]
        problems += bench.aftermath(first.returncode, error, {0})
        tally.check(f'a second writer: {more}', problems)


def changed_input(tally, bench):
    source = bench.model / 'model.safetensors'
    original, times = source.read_bytes(), source.stat()

    def overwritten():
        with open(source, 'r+b') as file:
            file.seek(-1, os.SEEK_END)
            file.write(b'\x3c')

    def cut():
        os.truncate(source, len(original) * 2 // 3)

    def emptied():
        os.truncate(source, 0)

    for change in (overwritten, cut, emptied):
        process = bench.stopped('write', 20)
        change()
        process.send_signal(signal.SIGCONT)
        error = process.communicate()[1]
        tally.check(f'the input changes: {change.__name__}', bench.aftermath(process.returncode, error, {65}))
        source.write_bytes(original)
        os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))


def another_job(tally, bench, calls):
    source = bench.model / 'model.safetensors'
    times = source.stat()
    bench.killed_late(calls)
    code, error = bench.run('--resume', '--tensor-type', 'down=Q8_0')
    problems = bench.aftermath(code, error, {65}) + ([] if 'recipe' in error else [error])
    tally.check('another job: recipe', problems)
    os.utime(source)
    code, error = bench.run('--resume')
    problems = bench.aftermath(code, error, {65}) + ([] if 'source files' in error else [error])
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    tally.check('another job: input', problems + bench.resume())
    bench.clear()
    tally.check('nothing to go on with', bench.resume())
    bench.killed_late(calls)
    code, error = bench.run()
    tally.check('without --resume what is there is replaced', bench.aftermath(code, error, {0}))


def is_quick(tally, bench, calls):
    """Most of the work is not done again."""
    bench.killed_late(calls)
    counts = bench.folder / 'counts'
    bench.run('--resume', counts=counts)
    again = int(dict(line.split() for line in counts.read_text().splitlines())['write'])
    problems = [] if again < calls['write'] * 3 / 4 else [f'{again} of {calls["write"]} writes were made again']
    tally.check(f'--resume goes on: {bench.job}', problems)


def damage(tally, bench, calls, count, generator):
    for i in range(count):
        bench.killed_late(calls)
        text = bytearray(bench.journal.read_bytes())
        place = generator.randrange(len(text))
        if i % 2:
            text[place] ^= 1 << generator.randrange(8)
        else:
            del text[place:]
        bench.journal.write_bytes(text)
        code, error = bench.run('--resume')
        tally.check(f'the journal is damaged: byte {place} of {len(text)}', bench.aftermath(code, error, {0, 65}))
    for i in range(count):
        bench.killed_late(calls)
        path = max(bench.part.iterdir(), key=os.path.getsize) if bench.part.is_dir() else bench.part
        with open(path, 'r+b') as file:
            file.seek(generator.randrange(path.stat().st_size - 4096) if i else 0)
            file.write(generator.randbytes(4096))
        tally.check('what is there is damaged', bench.resume())
    bench.killed_late(calls)
    shutil.rmtree(bench.part) if bench.part.is_dir() else bench.part.unlink()
    tally.check('what is there is gone', bench.resume())
    bench.killed_late(calls)
    bench.journal.unlink()
    tally.check('the journal is gone', bench.resume())


def damage_states(tally, bench, calls, count, generator):
    """Of a job on a text: what is beside its output is damaged."""
    for i in range(count):
        for path in (bench.states, bench.journal, bench.part):
            # Once at least there was a checkpoint: the first layer's.
            bench.killed_late(calls, 1 / 2)
            if path.is_dir():
                path = max(path.iterdir(), key=os.path.getsize)
            if not path.exists() or path.stat().st_size == 0:
                continue
            how = ('changed', 'cut', 'gone')[i % 3]
            size = path.stat().st_size
            if how == 'changed':
                with open(path, 'r+b') as file:
                    for _ in range(1 + i):
                        file.seek(generator.randrange(size))
                        file.write(generator.randbytes(1))
            elif how == 'cut':
                os.truncate(path, generator.randrange(size))
            else:
                path.unlink()
            name = f'beside a text\'s output: {bench.job}, {path.name}, {how}'
            code, error = bench.run('--resume')
            problems = bench.aftermath(code, error, {0, 65} if path == bench.journal else {0})
            tally.check(name, problems)


def another_text(tally, bench, calls):
    bench.killed_late(calls, 1 / 2)
    other = bench.folder / 'other.txt'
    other.write_text('Another text. ' * 500)
    option = '--text' if bench.verb == 'calibrate' else '--calibration-text'
    code, error = bench.run('--resume', option, str(other))
    problems = bench.aftermath(code, error, {65}) + ([] if 'the calibration text' in error else [error])
    other.unlink()
    tally.check(f'another text: {bench.job}', problems + bench.resume())


def little_memory(tally, bench, count):
    for i in range(count):
        bench.threads = (1, 16)[i % 2]
        limit = (40 << 20) + (400 << 20) * i // count
        bench.clear()
        code, error = bench.run(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        # Too little for the system's loader to begin.
        early = code == 127 and 'shared librar' in error
        tally.check(f'little memory: {limit >> 20} MiB of addresses',
                    [] if early else bench.aftermath(code, error, {0, 71}) + bench.resume())
    bench.threads = 1


def full_disk(tally, bench):
    """As on a disk that holds less than the output, which is known before any work."""
    bench.clear()
    begin = time.monotonic()
    code, error = bench.run(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)))
    problems = bench.aftermath(code, error, {74})
    if time.monotonic() - begin > bench.seconds / 2:
        problems.append('not before the work')
    tally.check('files of 1 MiB at most', problems + bench.resume())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--nibble', type=lambda path: pathlib.Path(path).resolve(), required=True)
    parser.add_argument('--shim', type=lambda path: pathlib.Path(path).resolve(), required=True, help='libfaults.so')
    parser.add_argument('--tiny', type=pathlib.Path, default=pathlib.Path('tiny/model'), help='the tiny model')
    parser.add_argument('--slow', action='store_true', help='500 kills, and every call')
    parser.add_argument('--kills', type=int, help='so many instead')
    parser.add_argument('--only', action='append', help='a part: kills, calls, tampering, limits')
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    # A shell's background jobs ignore some of these, and so would the program.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    parts = args.only or ['kills', 'calls', 'tampering', 'limits']
    generator = random.Random(args.seed)
    tally = Tally()
    with contextlib.ExitStack() as stack:
        args.work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model, tiny, little = (args.work / name for name in ('model', 'tiny', 'little'))
        make_model(args.tiny, model, LARGE)
        make_model(args.tiny, little, SMALL)
        shutil.copytree(args.tiny, tiny)
        args.text = args.work / 'text.txt'
        shutil.copy(args.tiny.parent / 'heldout.txt', args.text)
        benches = {job: Bench(args, model, job) for job in JOBS}
        small = {job: Bench(args, tiny, job) for job in ('weighted', 'folder')}
        texts = {job: Bench(args, little, job) for job in TEXT_JOBS}
        if 'kills' in parts:
            kills = args.kills if args.kills is not None else 500 if args.slow else 16
            kill_at_random(tally, list(benches.values()), kills, generator)
            kill_at_random(tally, list(texts.values()), kills if args.slow else kills // 2, generator)
            signals(tally, benches['weighted'], 30 if args.slow else 3, generator)
            for bench in texts.values():
                signals(tally, bench, 10 if args.slow else 1, generator)
        if 'calls' in parts:
            for bench in (*small.values(), *(texts.values() if args.slow else [texts['calibrate']])):
                fail_each_call(tally, bench, args.slow, generator)
        if 'tampering' in parts:
            calls = {job: benches[job].count() for job in ('weighted', 'folder')}
            for job in ('weighted', 'folder'):
                is_quick(tally, benches[job], calls[job])
            two_writers(tally, benches['weighted'])
            two_writers(tally, benches['folder'])
            changed_input(tally, benches['weighted'])
            another_job(tally, benches['weighted'], calls['weighted'])
            for job in ('weighted', 'folder'):
                damage(tally, benches[job], calls[job], 50 if args.slow else 2, generator)
            for bench in texts.values() if args.slow else (texts['gptq'], texts['calibrate']):
                calls = bench.count()
                another_text(tally, bench, calls)
                damage_states(tally, bench, calls, 30 if args.slow else 3, generator)
        if 'limits' in parts:
            little_memory(tally, small['weighted'], 100 if args.slow else 8)
            little_memory(tally, texts['gptq'], 100 if args.slow else 4)
            full_disk(tally, benches['weighted'])
    for part, passed in tally.parts.items():
        print(f'{passed:6} {part}')
    print(f'{tally.passed} passed, {tally.failed} failed')
    return tally.failed != 0


if __name__ == '__main__':
    sys.exit(main())
