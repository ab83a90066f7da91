"""What all cases share: the binary under test, the models, files made once, and the count of checks."""
import hashlib
import json
import pathlib
import subprocess
import traceback

import gguf
import numpy as np
from safetensors.numpy import load_file, save_file

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
WIDE = ('F32', 'F16', 'BF16')
TYPES = WIDE + ('Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q4_K', 'Q5_K', 'Q6_K', 'IQ4_NL', 'IQ4_XS', 'MXFP4', 'NVFP4')
ZOO = ('llama2', 'llama3', 'llama4', 'mistral', 'mixtral', 'qwen2', 'qwen3', 'qwen3_moe', 'gemma3', 'gpt2', 'gpt_oss',
       'gpt_oss_mxfp4', 'deepseek_v3', 'deepseek_v3_fp8', 'kimi_k2', 'kimi_k2_int4')
PUBLISHED = ('models/babyllama-105', 'models/stories260K', 'fixtures/tiny-llm-cicd-gpt2')
MIXES = ('Q4_K_M', 'Q4_K_S', 'Q5_K_M', 'Q5_K_S', 'MXFP4_MOE')


class Miss(Exception):
    """What was compared differs."""


class Skip(Exception):
    """What the check needs is not on this machine."""


class Model:
    """A checkpoint folder, None where there is no config.json in it; its goldens may lie elsewhere."""

    def __init__(self, name, folder, goldens=None):
        self.name = name
        self.folder = folder if folder and (folder / 'config.json').exists() else None
        self.goldens = goldens or folder

    def golden(self):
        return load_file(self.goldens / 'golden.safetensors')

    def json(self, file):
        return json.loads((self.goldens / file).read_text())


class Lane:
    def __init__(self, nibble, shared, data, work):
        self.nibble, self.shared, self.data, self.work = nibble, shared, data, work
        self.passed = self.failed = self.skipped = 0
        self.made = {}  # outputs by what they are made of: a path, or the error that making it gave

    # Checks.

    def check(self, name, function, *arguments):
        """Counts one check: it fails if `function` raises, and is skipped if that is Skip."""
        try:
            function(*arguments)
            self.passed += 1
        except Skip as reason:
            self.skipped += 1
            print(f'SKIP {name}: {reason}', flush=True)
        except Exception as error:  # noqa: BLE001: whatever went wrong is this check's failure, and the lane goes on
            self.failed += 1
            print(f'FAIL {name}: {error}', flush=True)
            if not isinstance(error, Miss):
                traceback.print_exc()

    # Models.

    def zoo(self):
        """Trained models of every family, with goldens."""
        return [Model(name, self.shared and self.shared / 'zoo/models' / name) for name in ZOO]

    def changed(self, model, changes, name=None):
        """The model with other values at dotted paths of its config.json; without goldens."""
        if model.folder is None:
            return model
        folder = self.work / (name or f'{model.name}-changed')
        if not folder.exists():
            folder.mkdir()
            for file in model.folder.iterdir():
                if file.name != 'config.json':
                    (folder / file.name).symlink_to(file)
            config = json.loads((model.folder / 'config.json').read_text())
            for path, value in changes.items():
                *outer, last = path.split('.')
                inner = config
                for key in outer:
                    inner = inner[key]
                inner[last] = value
            (folder / 'config.json').write_text(json.dumps(config))
        return Model(folder.name, folder)

    def published(self):
        """Models that others trained and published, without goldens."""
        return [Model(pathlib.Path(name).name, self.data and self.data / name) for name in PUBLISHED]

    def own(self):
        """The model that this project ships."""
        return Model('own', REPOSITORY / 'tiny/model', REPOSITORY / 'tiny')

    def wiki(self):
        return self.text('wiki.test.raw')

    def text(self, name):
        path = self.data and self.data / 'texts' / name
        if not path or not path.exists():
            raise Skip(f'no {name}')
        return path

    # The binary.

    def run(self, *arguments):
        """Its standard output; a Miss with its error line if it does not end with 0."""
        done = subprocess.run([self.nibble, *map(str, arguments)], capture_output=True, text=True, timeout=3600)
        if done.returncode:
            words = ' '.join(map(str, arguments))
            raise Miss(f'nibble {words}: exit {done.returncode}: {done.stderr.strip()[-300:]}')
        return done.stdout

    def ask(self, *arguments):
        """Standard output of a command that ends with 1 where the answer is no."""
        done = subprocess.run([self.nibble, *map(str, arguments)], capture_output=True, text=True, timeout=3600)
        if done.returncode > 1:
            raise Miss(f'nibble {arguments[0]}: exit {done.returncode}: {done.stderr.strip()[-300:]}')
        return done.stdout

    def make(self, key, *arguments):
        """The file that `arguments`, completed by -o FILE, make. Made once, whoever asks."""
        if key not in self.made:
            path = self.work / ('-'.join(key) + '.gguf')
            try:
                self.run(*arguments, '-o', path)
                self.made[key] = path
            except Miss as error:
                self.made[key] = error
        if isinstance(self.made[key], Miss):
            raise self.made[key]
        return self.made[key]

    def converted(self, model, dtype):
        return self.make((model.name, 'as', dtype), 'convert', require(model), '--dtype', dtype)

    def quantized(self, model, kind):
        return self.make((model.name, kind), 'quantize', require(model), '--type', kind)

    def outputs(self, model, kinds):
        """(type, path) or (type, Miss)."""
        for kind in kinds:
            try:
                yield kind, self.quantized(model, kind)
            except Miss as error:
                yield kind, error

    def logits(self, model, ids, hidden=False):
        """The tensors that `nibble logits` gives for ids of shape [B, T]. `model` is a path."""
        ids_path, out = self.work / 'ids.safetensors', self.work / 'logits.safetensors'
        save_file({'input_ids': np.ascontiguousarray(ids, dtype=np.int64)}, ids_path)
        out.unlink(missing_ok=True)
        self.run('logits', model, '--ids', ids_path, '-o', out, *(['--hidden'] if hidden else []))
        return load_file(out)

    def tokens(self, model, text, *options):
        path = self.work / 'text.txt'
        path.write_bytes(text.encode())
        return json.loads(self.run('tokenize', model, '--file', path, '--json', *options))['ids']

    def verify(self, reference, candidates, *options):
        """verify's JSON; with one candidate too, a list of candidates."""
        path = self.work / 'verify.json'
        path.unlink(missing_ok=True)
        self.run('verify', reference, *candidates, *options, '--json', path)
        return json.loads(path.read_text())


def require(model):
    """The folder of a model, or Skip."""
    if model.folder is None:
        raise Skip(f'no model {model.name}')
    return model.folder


def relative_difference(got, want):
    """The largest difference, relative to the largest magnitude wanted."""
    if got.shape != want.shape:
        raise Miss(f'shape {got.shape}, expected {want.shape}')
    return float(np.abs(got.astype(np.float64) - want).max() / np.abs(want).max())


def expect_at_most(value, bound):
    if not value <= bound:
        raise Miss(f'{value:.4g} is above {bound:.4g}')


def expect_equal(got, want, what):
    if got != want:
        raise Miss(f'{what}: {str(got)[:120]}, expected {str(want)[:120]}')


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def describe(path):
    """A GGUF as {'keys': ..., 'tensors': ...}, in the form of the zoo's llama_cpp_gguf.json."""
    reader = gguf.GGUFReader(path)
    keys = {}
    for name, field in reader.fields.items():
        if name.startswith('GGUF.'):
            continue
        value = field.contents()
        if isinstance(value, list) and len(value) > 64:
            text = json.dumps(value, ensure_ascii=False)
            value = {'length': len(value), 'sha256_of_json': sha256(text.encode())}
        keys[name] = {'type': '/'.join(kind.name for kind in field.types), 'value': value}
    tensors = {
        tensor.name: {
            'type': tensor.tensor_type.name,
            'shape': [int(size) for size in tensor.shape],
            'sha256': sha256(tensor.data.tobytes()),
        }
        for tensor in reader.tensors
    }
    return {'keys': keys, 'tensors': tensors}
