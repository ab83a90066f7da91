"""Runs one case after the other, and judges what the program did with it."""
import dataclasses
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
from typing import Callable

from checkpoint import Folder, Gguf

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
EXIT_CODES = (0, 1, 64, 65, 66, 71, 73, 74, 75)  # 70 is a bug of ours
SECONDS, BYTES = 5, 2**30                     # what any case may take; seconds of the processor, whoever else is busy
OLD = b'what was there before'
NOT_WHOLE = 1                                 # check's, which is no error: what is wrong is its result


class Miss(Exception):
    """What the program did is not what the catalogue asks for."""


@dataclasses.dataclass
class Case:
    """One named input. `number` is its line in the catalogue, 0 for one of the same class that has no line.

    make(input) lays it out: it changes a Folder (or for the kind 'gguf' a Gguf; it may return bytes instead, or a path).
    `exit`: the code, or those that it may be. `says`: what the error line, or for exit code 0 the warnings, must contain; '' with 0: no warning at all.
    """
    number: int
    name: str
    make: Callable
    says: str = ''
    exit: int | tuple = 65
    kind: str = 'folder'
    command: tuple = ('quantize', '{in}', '-o', '{out}', '--type', 'Q4_0', '--force')
    seconds: float = SECONDS
    stays: tuple = ()  # of what lies beside the output: it was there before, or --resume goes on with it
    also: tuple = (('inspect', '{in}'), ('tokenize', '{in}', '--text', 'a'))  # must only end well, whatever they say


class Outcome:
    def __init__(self, arguments, code, out, err, seconds, peak):
        self.arguments, self.code, self.seconds, self.peak = arguments, code, seconds, peak
        self.out, self.err = out, err.decode(errors='replace')

    def require(self, holds, what):
        if not holds:
            words = ' '.join(map(str, self.arguments))[-200:]
            raise Miss(f'{what}: nibble {words}: exit {self.code}: {self.err.strip()[:600]}')


class Suite:
    def __init__(self, nibble, work, only=None):
        self.nibble, self.work, self.only = nibble, work, only
        self.passed = self.failed = 0
        self.numbers = set()
        self.folder = Folder(REPOSITORY / 'tiny/model', layers=1)
        self.folder.copy().write(work / 'good')
        self.run('convert', work / 'good', '-o', work / 'good.gguf', '--quiet').require(True, '')
        self.gguf = Gguf((work / 'good.gguf').read_bytes())

    def run(self, *arguments, limits=()):
        """The program, to its end; a signal makes the code negative."""
        def prepare():
            for kind, value in limits:
                resource.setrlimit(kind, (value, value))

        out, err = self.work / 'stdout', self.work / 'stderr'
        with out.open('wb') as out_file, err.open('wb') as err_file:
            process = subprocess.Popen([self.nibble, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=out_file,
                                       stderr=err_file, preexec_fn=prepare, env={'OMP_WAIT_POLICY': 'passive'})
            alarm = signal.signal(signal.SIGALRM, lambda *_: process.kill())
            signal.alarm(60)
            _, status, usage = os.wait4(process.pid, 0)
            signal.alarm(0)
            signal.signal(signal.SIGALRM, alarm)
        seconds = usage.ru_utime + usage.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
        return Outcome(arguments, process.returncode, out.read_bytes(), err.read_bytes(), seconds, usage.ru_maxrss * 1024)

    def check(self, number, name, function, *arguments):
        self.numbers.add(number)
        if self.only and not f'{number} {name}'.startswith(self.only):
            return
        try:
            function(*arguments)
            self.passed += 1
        except Miss as miss:
            self.failed += 1
            print(f'FAIL {number} {name}: {miss}', flush=True)

    def cases(self, cases):
        for case in cases:
            self.check(case.number, case.name, self.try_case, case)

    def try_case(self, case):
        folder = self.work / 'case'
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        source, out = self.lay_out(case, folder), folder / 'out.gguf'
        out.write_bytes(OLD)
        words = {'in': source, 'out': out, 'dir': folder, 'good': self.work / 'good', 'good.gguf': self.work / 'good.gguf'}
        fill = lambda command: [word.format(**words) for word in command]
        outcome = self.run(*fill(case.command))
        self.judge(case, outcome, folder, out)
        for command in case.also:
            self.judge_in_general(self.run(*fill(command)), case.seconds)

    def lay_out(self, case, folder):
        if case.kind == 'gguf':
            source = folder / 'in.gguf'
            file = self.gguf.copy()
            made = case.make(file)
            if isinstance(made, dict):  # of several files
                for name, content in made.items():
                    (folder / name).write_bytes(content)
                return folder / next(iter(made))
            source.write_bytes(file.bytes() if made is None else made)
            return source
        model = self.folder.copy()
        finish = case.make(model)
        model.write(folder / 'in')
        if callable(finish):
            finish(folder / 'in')
        return folder / 'in'

    def judge(self, case, outcome, folder, out):
        self.judge_in_general(outcome, case.seconds)
        codes = case.exit if isinstance(case.exit, tuple) else (case.exit,)
        outcome.require(outcome.code in codes, f'expected exit {case.exit}')
        lines = outcome.err.splitlines()
        if outcome.code == NOT_WHOLE:
            outcome.require(outcome.out != '', 'expected what is wrong')
        elif outcome.code:
            errors = [line for line in lines if line.startswith('nibble: error: ')]
            outcome.require(case.says in errors[0], f"expected an error that says '{case.says}'")
            outcome.require(out.read_bytes() == OLD, 'expected the file that was there, untouched')
        elif len(codes) == 1:
            warnings = '\n'.join(line for line in lines if line.startswith('nibble: warning: '))
            outcome.require(case.says in warnings and bool(warnings) == bool(case.says),
                            f"expected {'a warning that says ' + repr(case.says) if case.says else 'no warning'}")
        victim = folder / 'victim'
        outcome.require(not victim.exists() or victim.read_bytes() == OLD, "expected another's file, untouched")
        left = [path.name for path in folder.iterdir() if '.part' in path.name and path.name not in case.stays]
        outcome.require(not left, f'expected nothing left behind, found {left}')

    def judge_in_general(self, outcome, seconds):
        """What holds for every command on every input."""
        outcome.require(outcome.code in EXIT_CODES, 'expected an exit code of the table, and no signal')
        outcome.require(outcome.code != NOT_WHOLE or outcome.arguments[0] == 'check', 'expected an error')
        outcome.require(outcome.seconds <= seconds, f'expected at most {seconds} s, found {outcome.seconds:.2f}')
        outcome.require(outcome.peak <= BYTES, f'expected at most 1 GiB of memory, found {outcome.peak}')
        errors = [line for line in outcome.err.splitlines() if line.startswith('nibble: error: ')]
        outcome.require(len(errors) == (outcome.code not in (0, NOT_WHOLE)), 'expected one error line for an error, and none else')
        outcome.require(not errors or ' expected ' in errors[0] or ': ' in errors[0][15:], 'expected a place')
        outcome.require(all(len(line) < 20000 for line in errors), 'expected a line that can be read')
