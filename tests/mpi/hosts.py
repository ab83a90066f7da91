#!/usr/bin/env python3
"""Two hosts, of which one machine plays both: each a network namespace with a name, an address and a file tree of its
own (programs installed alike, its own copy of nibble and of the model), and one folder that both share. What ranks on
both make in it has the bytes of one process; a host that is lost ends the job, and the other goes on alone.

Needs root. Ends with "N passed, N failed" or one of them skipped. scripts/test --slow --only mpi runs it.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / 'tests' / 'faults'))
from faults import LARGE, digest, make_model  # noqa: E402

SYSTEM = ('bin', 'etc', 'lib', 'lib64', 'sbin', 'usr')  # what both have installed
ADDRESSES = ('10.99.77.1', '10.99.77.2')
NETWORK = '10.99.77.0/24'
# 40 windows, in five blocks.
ON_TEXT = ('--type', 'Q4_0', '--calibration-text', '/shared/heldout.txt', '--calibration-ctx', '64',
           '--calibration-chunks', '40')

# Stands in for ssh: the host's address, then what to run there.
AGENT = '''#!/bin/sh
address=$1
shift
exec nsenter --target "$(cat /etc-hosts/$address)" --net --mount --uts --root --wd sh -c "$*"
'''


def run(*words, **others):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **others)


class Host:
    """Lives as long as its holder, a process that sleeps in its namespaces."""

    def __init__(self, number, folder, shared, nibble, model):
        self.name, self.address = f'nibble-host{number}', ADDRESSES[number]
        self.root = folder / self.name
        for name in (*SYSTEM, 'proc', 'sys', 'dev', 'tmp', 'shared', 'opt', 'etc-hosts'):
            (self.root / name).mkdir(parents=True)
        shutil.copy(nibble, self.root / 'opt' / 'nibble')
        shutil.copytree(model, self.root / 'opt' / 'model')
        agent = self.root / 'opt' / 'agent'
        agent.write_text(AGENT)
        agent.chmod(0o755)
        run('ip', 'netns', 'add', self.name)
        mounts = [f'mount --bind /{name} {self.root}/{name}' for name in SYSTEM if pathlib.Path('/', name).exists()]
        mounts += [f'mount --rbind /{name} {self.root}/{name}' for name in ('proc', 'dev', 'sys')]
        mounts.append(f'mount --bind {shared} {self.root}/shared')
        script = ' && '.join([*mounts, f'hostname {self.name}', f'exec chroot {self.root} sleep 100000'])
        self.holder = subprocess.Popen(['ip', 'netns', 'exec', self.name, 'unshare', '--mount', '--uts',
                                        '--propagation', 'private', 'sh', '-c', script])
        deadline = time.monotonic() + 20
        while os.readlink(f'/proc/{self.holder.pid}/root') != str(self.root) and time.monotonic() < deadline:
            time.sleep(0.05)

    def command(self, *words):
        return ['nsenter', '--target', str(self.holder.pid), '--net', '--mount', '--uts', '--root', '--wd',
                *map(str, words)]

    def close(self):
        self.holder.kill()
        self.holder.wait()
        subprocess.run(['ip', 'netns', 'del', self.name], check=False)


@contextlib.contextmanager
def two_hosts(folder, nibble, model):
    shared = folder / 'shared'
    shared.mkdir()
    hosts = []
    try:
        for number in (0, 1):
            hosts.append(Host(number, folder, shared, nibble, model))
        run('ip', 'link', 'add', 'nibble-v0', 'netns', hosts[0].name, 'type', 'veth',
            'peer', 'name', 'nibble-v1', 'netns', hosts[1].name)
        for number, host in enumerate(hosts):
            for words in (['addr', 'add', f'{host.address}/24', 'dev', f'nibble-v{number}'],
                          ['link', 'set', f'nibble-v{number}', 'up'], ['link', 'set', 'lo', 'up']):
                run('ip', '-n', host.name, *words)
            for other in hosts:
                (host.root / 'etc-hosts' / other.address).write_text(str(other.holder.pid))
        yield hosts, shared
    finally:
        for host in hosts:
            host.close()


def mpirun(hosts, slots, *words):
    """On both, from the first."""
    where = ','.join(f'{host.address}:{count}' for host, count in zip(hosts, slots) if count)
    names = ('--mca', 'btl_tcp_if_include', NETWORK, '--mca', 'oob_tcp_if_include', NETWORK)
    return hosts[0].command('env', 'OMPI_ALLOW_RUN_AS_ROOT=1', 'OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1', 'HOME=/tmp',
                            'TMPDIR=/tmp', 'OMP_WAIT_POLICY=passive', 'mpirun', '--mca', 'plm_rsh_agent', '/opt/agent',
                            *names, '--mca', 'btl', 'self,vader,tcp', '--bind-to', 'none', '--oversubscribe',
                            '--host', where, '-np', sum(slots), '/opt/nibble', *words)


def finish(command, timeout=120):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout, check=False)
    return done.returncode, done.stdout, done.stderr


class Cases:
    def __init__(self, hosts, shared):
        self.hosts, self.shared = hosts, shared
        self.passed = self.failed = 0

    def check(self, name, problems):
        self.failed += bool(problems)
        self.passed += not problems
        if problems:
            print(f'FAILED: {name}: {"; ".join(problems)}', flush=True)

    def clear(self):
        for path in self.shared.glob('out*'):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def bytes_of(self, output, command, *options):
        """The same by one process, and by ranks on both hosts."""
        out = self.shared / output
        words = [command, '/opt/model', '-o', f'/shared/{output}', *options]
        self.clear()
        code, _, error = finish(self.hosts[0].command('/opt/nibble', *words, '--quiet'))
        expected = digest(out)
        self.check(f'{options}: one process', [] if code == 0 and expected else [error])
        for slots in ((1, 1), (1, 2), (2, 2)):
            self.clear()
            code, told, error = finish(mpirun(self.hosts, slots, *words, '--threads', '1'))
            problems = [] if code == 0 and digest(out) == expected else [f'exit code {code} or bytes: {error[-500:]}']
            problems += [f'nothing told of {host.name}' for host in self.hosts if host.name not in told]
            self.check(f'{options}: ranks {slots}', problems)
        return expected

    def figures(self):
        report = self.shared / 'report.json'
        finish(self.hosts[0].command('/opt/nibble', 'quantize', '/opt/model', '-o', '/shared/small.gguf', '--type',
                                     'Q4_0', '--force'))
        words = ['verify', '/opt/model', '/shared/small.gguf', '--text', '/shared/heldout.txt', '--ctx', '64',
                 '--chunks', '6', '--json', '/shared/report.json', '--quiet']
        found = []
        for command in (self.hosts[0].command('/opt/nibble', *words), mpirun(self.hosts, (1, 2), *words)):
            code, _, error = finish(command)
            if code != 0:
                self.check('verify', [error])
                return
            told = json.loads(report.read_text())
            found.append({key: value for key, value in told.items() if key not in ('seconds', 'ranks', 'device_use')})
        self.check('verify: the same figures', [] if found[0] == found[1] else ['other figures'])

    def own_disks(self):
        code, _, error = finish(mpirun(self.hosts, (1, 1), 'quantize', '/opt/model', '-o', '/tmp/out.gguf', '--quiet'))
        lines = [line for line in error.splitlines() if 'nibble: error: ' in line]
        self.check('an output that is not on the shared disk',
                   [] if code == 66 and len(lines) == 1 and 'rank 1 on nibble-host1' in lines[0] else [error])

    def other_model(self):
        """One host's copy of the source is another."""
        path = self.hosts[1].root / 'opt' / 'model' / 'model.safetensors'
        kept = path.read_bytes()
        path.write_bytes(kept + bytes(512))
        words = ['convert', '/opt/model', '-o', '/shared/out.gguf', '--quiet']
        code, _, error = finish(mpirun(self.hosts, (1, 1), *words))
        lines = [line for line in error.splitlines() if 'nibble: error: ' in line]
        path.write_bytes(kept)
        is_told = code in (64, 65) and len(lines) == 1 and 'nibble-host1' in lines[0]
        self.check('another source on one host', [] if is_told else [f'{code}: {error}'])

    def lost_host(self, *options):
        self.clear()
        words = ['quantize', '/opt/model', '-o', '/shared/out.gguf', *options, '--threads', '1', '--quiet']
        code, _, error = finish(self.hosts[0].command('/opt/nibble', *words))
        expected = digest(self.shared / 'out.gguf')
        self.clear()
        process = subprocess.Popen([str(word) for word in mpirun(self.hosts, (1, 2), *words)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        journal, deadline = self.shared / 'out.gguf.part.journal.2', time.monotonic() + 60
        while not journal.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        # Everything that runs there goes at once, MPI's daemon first: as when the machine loses its power.
        lost = [int(path.name) for path in pathlib.Path('/proc').glob('[0-9]*')
                if int(path.name) != self.hosts[1].holder.pid and is_in(path, self.hosts[1].root)]
        for pid in lost:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _, error = process.communicate(timeout=120)
        problems = [] if process.returncode != 0 else ['exit code 0']
        if len([line for line in error.splitlines() if 'nibble: error: ' in line]) > 1:
            problems.append(f'more than one line: {error}')
        if (self.shared / 'out.gguf').exists():
            problems.append('the final path is there')
        code, _, error = finish(mpirun(self.hosts, (2, 0), *words, '--resume'))
        if code != 0 or digest(self.shared / 'out.gguf') != expected:
            problems.append(f'--resume by two ranks on the other host: {code}, {error}')
        self.check(f'a host is lost: {options}', problems)


def is_in(process, root):
    try:
        return os.readlink(process / 'root') == str(root)
    except OSError:
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--nibble-mpi', required=True)
    args = parser.parse_args()
    able = os.geteuid() == 0 and shutil.which('ip') and shutil.which('nsenter')
    if not able or subprocess.run(['unshare', '--mount', '--uts', '--net', 'true'], check=False).returncode != 0:
        print('SKIP two hosts: needs root, ip (iproute2) and namespaces')
        print('0 passed, 0 failed, 1 skipped')
        return 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        model = folder / 'model'
        make_model(ROOT / 'tiny' / 'model', model, LARGE)
        with two_hosts(folder, args.nibble_mpi, model) as (hosts, shared):
            shutil.copy(ROOT / 'tiny' / 'heldout.txt', shared)
            cases = Cases(hosts, shared)
            for output, *options in (('out.gguf', 'quantize', '--type', 'MXFP4', '--method', 'rtn'),
                                     ('out.gguf', 'quantize', '--type', 'Q4_K'),
                                     ('out', 'quantize', '--type', 'INT4_G32'),
                                     ('out.gguf', 'quantize', *ON_TEXT),
                                     ('out.gguf', 'calibrate', '--text', '/shared/heldout.txt', '--ctx', '64',
                                      '--chunks', '40')):
                cases.bytes_of(output, *options)
            cases.figures()
            cases.own_disks()
            cases.other_model()
            cases.lost_host('--type', 'IQ4_XS')
            cases.lost_host(*ON_TEXT)
    print(f'{cases.passed} passed, {cases.failed} failed')
    return 1 if cases.failed else 0


if __name__ == '__main__':
    sys.exit(main())
