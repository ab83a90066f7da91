"""The same bytes every time: whatever the threads, the locale, the clock's zone, the umask or the vectors of a library."""
import json
import os
import re
import shutil
import subprocess

from lane import MIXES, REPOSITORY, TYPES, Miss, expect_equal, require, sha256

TEXT = ('--calibration-text', 'tiny/heldout.txt', '--calibration-ctx', '64', '--calibration-chunks', '4')
# Every way to the bytes: container, method, calibration; and what is told of them.
JOBS = {
    'convert': ('convert', '{model}', '-o', '{out}.gguf'),
    'rtn': ('quantize', '{model}', '-o', '{out}.gguf', '--type', 'Q4_0', '--method', 'rtn'),
    'weighted': ('quantize', '{model}', '-o', '{out}.gguf', '--type', 'Q4_K_M'),
    'folder': ('quantize', '{model}', '-o', '{out}', '--type', 'INT4_G32', '--max-shard-size', '256KiB'),
    'fit': ('quantize', '{model}', '-o', '{out}.gguf', '--fit', '1.4MiB'),
    'gptq': ('quantize', '{model}', '-o', '{out}.gguf', '--type', 'Q4_K', '--method', 'gptq', *TEXT),
    'fit of a text': ('quantize', '{model}', '-o', '{out}.gguf', '--fit', '1.4MiB', *TEXT),
    'transforms': ('quantize', '{model}', '-o', '{out}.gguf', '--type', 'MXFP4', '--transform', 'hadamard+values', *TEXT),
    'calibrate': ('calibrate', '{model}', '-o', '{out}.gguf', '--text', 'tiny/heldout.txt', '--ctx', '64', '--chunks', '8'),
    'verify': ('verify', '{model}', '{model}', '--text', 'tiny/heldout.txt', '--ctx', '64', '--chunks', '8', '--json',
               '{out}.json'),
}
PLAIN = ('convert', 'rtn', 'weighted', 'folder', 'fit')  # no text is run: the same on every machine
ENVIRONMENTS = {
    '1 thread, nothing in the environment': {'threads': 1, 'environment': None},
    '2 threads, a locale': {'threads': 2, 'environment': {'LC_ALL': 'de_DE.UTF-8', 'LANG': 'tr_TR.UTF-8'}},
    '3 threads, a time zone': {'threads': 3, 'environment': {'TZ': 'Asia/Kathmandu'}},
    '8 threads, a umask': {'threads': 8, 'umask': 0o077},
}
OLDER = {'environment': {'ONEDNN_MAX_CPU_ISA': 'SSE41'}}  # of a text's sums this is another machine
MEASURED = ('seconds', 'memory_bytes', 'device_use')  # what verify tells of itself
METHODS = ('rtn', 'weighted')
# By these methods, of the hashes that the manifest tells. When an encoder is changed on purpose they change with it.
GOLDEN = {
    'F32': ('7b3f8741cb8a580c', '7b3f8741cb8a580c'),
    'F16': ('4be29889f929cfc9', '4be29889f929cfc9'),
    'BF16': ('679f21a2b315e33e', '679f21a2b315e33e'),
    'Q8_0': ('b034f30b26e4a94d', 'e759d796ccc5fba2'),
    'Q4_0': ('daabf0151e25e94c', '2b0809f0c123bfab'),
    'Q4_1': ('2ee566ee34aa6576', 'c8d881a1c7c5d8c2'),
    'Q5_0': ('770ccaae6a877400', '69857fac8bbf89f6'),
    'Q5_1': ('fc81c84bd41aaf80', '611535c11d4bd37f'),
    'Q4_K': ('681f2d36200f6e4c', '0e6429d43052fef7'),
    'Q5_K': ('0e36f27a82447b40', '9e128ff24dc89dd8'),
    'Q6_K': ('ac907f46d79deefc', '252ca23c9476e1fb'),
    'IQ4_NL': ('2f6bb1546e37175c', 'be1eb4471b46498d'),
    'IQ4_XS': ('9cc0ff46de2f15ae', '758cdad589309e48'),
    'MXFP4': ('bee19056aacc5f79', '170fd7b2df11641f'),
    'NVFP4': ('791d2d80f8365a6c', 'c0eeab7fa7fb1375'),
    'Q4_K_M': ('bb09387b76075243', '634b6ea1f578d32d'),
    'Q4_K_S': ('2845ad78271635db', 'f32a25a590413286'),
    'Q5_K_M': ('39612928f41e78d4', 'e5acff37d81a05d8'),
    'Q5_K_S': ('8fc83409ec4c7d09', '9da02e64759e3fa7'),
    'MXFP4_MOE': ('b034f30b26e4a94d', 'e759d796ccc5fba2'),
}


def run(lane):
    for job in JOBS:
        for name, environment in ENVIRONMENTS.items():
            lane.check(f'{job}, {name}: the same bytes', same_bytes, lane, job, environment)
    for job in PLAIN:
        lane.check(f'{job}, older vectors: the same bytes', same_bytes, lane, job, OLDER)
    for kind, method in [(kind, method) for method in METHODS for kind in TYPES + MIXES]:
        lane.check(f'{kind} {method}: golden bytes', golden, lane, kind, method)


def same_bytes(lane, job, environment):
    if ('bytes', job) not in lane.made:
        lane.made['bytes', job] = digest(lane, job, {})
    expect_equal(digest(lane, job, environment), lane.made['bytes', job], 'sha256')


def digest(lane, job, changed):
    """Of every file that a job writes, manifest and all; of verify's, the figures."""
    folder = lane.work / 'bytes'
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    places = {'{model}': str(require(lane.own())), '{out}': str(folder / 'out')}
    words = [re.sub('{.*}', lambda place: places[place.group()], word) for word in JOBS[job]]
    if 'threads' in changed:
        words += ['--threads', str(changed['threads'])]
    extra = changed.get('environment', {})
    environment = {} if extra is None else os.environ | extra
    before = os.umask(changed.get('umask', 0o022))
    try:
        done = subprocess.run([lane.nibble, *words, '--progress', 'none'], cwd=REPOSITORY, capture_output=True, text=True,
                              env={'OMP_WAIT_POLICY': 'passive'} | environment, timeout=600)
    finally:
        os.umask(before)
    if done.returncode:
        raise Miss(f'exit {done.returncode}: {done.stderr.strip()[-300:]}')
    found = {str(path.relative_to(folder)): contents(path) for path in folder.rglob('*') if path.is_file()}
    return {name: sha256(data) for name, data in found.items()}


def contents(path):
    data = path.read_bytes()
    if path.suffix != '.json' or b'kld' not in data:
        return data
    return json.dumps({key: value for key, value in json.loads(data).items() if key not in MEASURED}).encode()


def golden(lane, kind, method):
    output = lane.work / 'golden.gguf'
    lane.run('quantize', require(lane.own()), '-o', output, '--type', kind, '--method', method, '--force')
    manifest = json.loads(output.with_name(output.name + '.manifest.json').read_text())
    found = sha256(''.join(tensor['sha256'] for tensor in manifest['tensors']).encode())[:16]
    expect_equal(found, GOLDEN[kind][METHODS.index(method)], 'SHA-256 of the hashes')
