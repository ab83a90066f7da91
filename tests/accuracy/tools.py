"""The programs that are measured and measure, and the files that several measurements share."""
import hashlib
import json
import pathlib
import shlex
import subprocess
import sys
import time

import gguf
import numpy as np

import paired


# llama-perplexity ends without waiting for the thread that prints: now and then its last lines are missing.
ATTEMPTS = 10


class Failed(Exception):
    """A program ended with an error."""

    def __init__(self, command, code, output):
        super().__init__(f'{pathlib.Path(command[0]).name} ended with {code}: {output.strip()[-400:]}')
        self.code = code
        self.last_line = (output.strip().splitlines() or [''])[-1]


def run(*command):
    """Its standard output."""
    command = [str(word) for word in command]
    print('  ' + ' '.join(shlex.quote(word) for word in command), file=sys.stderr, flush=True)
    done = subprocess.run(command, capture_output=True, text=True, errors='replace')
    if done.returncode:
        raise Failed(command, done.returncode, done.stdout + done.stderr)
    return done.stdout


def digest(path):
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()[:16]


def once(path, make):
    """The path; `make(part)` makes what belongs there where it is not there."""
    if not path.exists():
        part = path.with_name('part-' + path.name)
        part.unlink(missing_ok=True)
        make(part)
        part.rename(path)
    return path


class Tools:
    def __init__(self, settings):
        self.settings, self.work = settings, settings.work
        self.threads = ('-t', str(settings.threads))
        self.calibration = digest(settings.calibration_text)
        self.ours = digest(settings.nibble)

    def peer(self, name, *arguments):
        return run(self.settings.peers / 'bin' / name, *arguments)

    def nibble(self, *arguments):
        return run(self.settings.nibble, *arguments, '--progress', 'none', '--threads', self.settings.threads)

    def once(self, name, make):
        return once(self.work / name, make)

    # What both sides start from.

    def source(self):
        """The model as F32: what llama.cpp quantizes, and the reference."""
        return self.once('source.gguf', lambda path: self.nibble('convert', self.settings.model, '--dtype', 'f32', '-o',
                                                                 path))

    def peer_imatrix(self):
        windows = str(self.settings.peer_windows)
        return self.once(f'llama-imatrix-{self.calibration}-{windows}.gguf', lambda path: self.peer(
            'llama-imatrix', '-m', self.source(), '-f', self.settings.calibration_text, '-c', '512', '--chunks', windows,
            '-o', path, '--no-ppl', *self.threads))

    def own_imatrix(self):
        windows = str(self.settings.calibration_windows)
        return self.once(f'nibble-imatrix-{self.ours}-{self.calibration}-{windows}.gguf', lambda path: self.nibble(
            'calibrate', self.settings.model, '--text', self.settings.calibration_text, '--chunks', windows, '-o', path))

    def shuffled_imatrix(self):
        return self.once(f'shuffled-{self.own_imatrix().name}', lambda path: shuffle_columns(self.own_imatrix(), path))

    def base_logits(self, text):
        """The reference's logits over a text's windows, as llama-perplexity keeps them: 25 MB a window."""
        windows = str(self.settings.windows)
        return self.once(f'base-{digest(text)}-{windows}.logits', lambda path: self.peer(
            'llama-perplexity', '-m', self.source(), '-f', text, '-c', '512', '--chunks', windows,
            '--kl-divergence-base', path, *self.threads))

    # What is measured.

    def divergence(self, model, text):
        command = ('llama-perplexity', '-m', model, '--kl-divergence-base', self.base_logits(text), '--kl-divergence',
                   '-c', '512', *self.threads)
        for attempt in range(ATTEMPTS):
            try:
                mean, error, windows = paired.parse_perplexity(self.peer(*command))
                return {'mean': mean, 'se': error, 'windows': windows}
            except ValueError:
                if attempt + 1 == ATTEMPTS:
                    raise

    def quantize_peer(self, row, path):
        imatrix = ('--imatrix', self.peer_imatrix()) if row.peer_imatrix else ()
        types = [word for types in row.peer_types for word in ('--tensor-type', types)]
        self.peer('llama-quantize', *imatrix, *types, '--token-embedding-type', 'q8_0', '--output-tensor-type', 'q8_0',
                  self.source(), path, 'Q8_0', self.settings.threads)

    def model(self, row):
        return self.settings.zoo / row.name if row.kind == 'experts' else self.settings.model

    def quantize(self, row, path, options):
        """What nibble tells of it."""
        return json.loads(self.nibble('quantize', self.model(row), '-o', path, '--force', '--json', *row.types,
                                      *options))

    def with_text(self):
        return ('--calibration-text', self.settings.calibration_text, '--calibration-chunks',
                str(self.settings.calibration_windows))

    def verify(self, row, candidates, text, *options):
        """The same figures by nibble verify, of every candidate."""
        report = self.work / 'verify.json'
        self.nibble('verify', self.model(row), *candidates, '--text', text, '--chunks', self.settings.windows, '--json',
                    report, *options)
        return [{'mean': candidate['kld']['mean'], 'se': candidate['kld']['se'], 'windows': candidate['kld_windows']}
                for candidate in json.loads(report.read_text())['candidates']]


class Stopwatch:
    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.start


def describe(path):
    """Size, bytes of the tensors, and their types by name."""
    tensors = gguf.GGUFReader(path).tensors
    return {'file_bytes': path.stat().st_size, 'tensor_bytes': sum(int(tensor.n_bytes) for tensor in tensors),
            'types': {tensor.name: tensor.tensor_type.name for tensor in tensors}}


def shuffle_columns(source, path):
    """An importance matrix whose columns have been dealt out anew, entry by entry, always alike."""
    path.write_bytes(source.read_bytes())
    random = np.random.default_rng(1)
    for tensor in gguf.GGUFReader(path, 'r+').tensors:
        if tensor.name.endswith('.in_sum2'):
            tensor.data[...] = tensor.data[..., random.permutation(tensor.data.shape[-1])]
