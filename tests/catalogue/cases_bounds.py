"""Large inputs: a hostile header of 100 MB takes at most 5 s and 1 GiB (line 32), 200,000 tensors at most a second, of
the processor's and the clock's time."""
import json
import struct

import checkpoint as wire
from checkpoint import Gguf
from suite import Case, Miss

ENTRY = '"{}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
LIMIT = 100_000_000


def repeated(start, part, end=''):
    """A header of nearly 100 MB."""
    return (start + part * ((LIMIT - len(start) - len(end)) // len(part)) + end).encode()


def many(count):
    return ('{' + ','.join(ENTRY.format(f'model.layers.{i}.mlp.experts.{i}.weight') for i in range(count)) + '}').encode()


HEADERS = {
    '1,000,000 tensors': lambda: ('{' + ','.join(ENTRY.format(f'model.experts.{i:07}.w') for i in range(1_250_000)) + '}').encode(),
    'the same tensor over and over': lambda: repeated('{', ENTRY.format('a') + ',', ENTRY.format('a') + '}'),
    'sizes of one shape': lambda: repeated('{"a":{"dtype":"F32","shape":[', '1,', '1],"data_offsets":[0,4]}}'),
    'zeros of one shape': lambda: repeated('{"a":{"dtype":"F32","shape":[', '0,', '0],"data_offsets":[0,0]}}'),
    'offsets of one tensor': lambda: repeated('{"a":{"dtype":"F32","shape":[1],"data_offsets":[', '0,', '4]}}'),
    'one name': lambda: repeated('{"', 'a', '":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
    'one name of escapes': lambda: repeated('{"', '\\u0001', '":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
    'one dtype': lambda: repeated('{"a":{"dtype":"', 'F', '","shape":[0],"data_offsets":[0,0]}}'),
    'one number': lambda: repeated('{"a":{"dtype":"F32","shape":[', '9', '],"data_offsets":[0,0]}}'),
    'metadata': lambda: ('{"__metadata__":{' + ','.join(f'"{i:08}":""' for i in range(6_600_000)) + '}}').encode(),
    'one text of metadata': lambda: repeated('{"__metadata__":{"a":"', 'x', '"}}'),
    'braces': lambda: repeated('{', '{'),
    'objects in objects': lambda: repeated('{"a":', '{"a":'),
    'quotes': lambda: repeated('{', '"'),
    'commas': lambda: repeated('{', ','),
    'spaces': lambda: repeated('{', ' ', '}'),
    'backslashes': lambda: repeated('{"', '\\', '"'),
}


def header(name):
    def make(model):
        text = HEADERS[name]()
        assert 60_000_000 < len(text) <= LIMIT, (name, len(text))
        model.files['model.safetensors'] = struct.pack('<Q', len(text)) + text
    return make


def index_of_many(model):
    """200,000 more tensors in the index and in one shard than the model has."""
    text = many(200_000)
    names = [f'model.layers.{i}.mlp.experts.{i}.weight' for i in range(200_000)]
    model.files['a.safetensors'] = struct.pack('<Q', len(text)) + text
    model.files['b.safetensors'] = model.safetensors()
    weight_map = dict.fromkeys(names, 'a.safetensors') | dict.fromkeys(model.tensors, 'b.safetensors')
    model.put_json('model.safetensors.index.json', {'weight_map': weight_map})


def shards_of_many(model):
    model.files['model.safetensors.index.json'] = json.dumps(
        {'weight_map': {f't{i}': f'shard-{i}.safetensors' for i in range(500_000)}}).encode()


def tensors_of_many(model):
    text = many(200_000)
    model.files['model.safetensors'] = struct.pack('<Q', len(text)) + text


def gguf_of_many(file):
    """As few bytes as a tensor can have."""
    infos = b''.join(wire.text(f'blk.{i}.x') + struct.pack('<IQIQ', 1, 0, 0, 0) for i in range(200_000))
    head = struct.pack('<4sIQQ', b'GGUF', 3, 200_000, 1) + wire.text('general.architecture') + struct.pack('<I', 8) + wire.text('llama')
    return head + infos + bytes(-(len(head) + len(infos)) % 32)


def gguf_of_keys(file):
    keys = b''.join(wire.text(f'k{i}') + struct.pack('<IB', wire.U8, 1) for i in range(1_000_000))
    return struct.pack('<4sIQQ', b'GGUF', 3, 0, 1_000_000) + keys


def gguf_of_tokens(file):
    file.set('k', wire.ARRAY, struct.pack('<IQ', wire.STRING, 10_000_000) + bytes(80_000_000))


def config_of_many(model):
    model.files['config.json'] = ('{"a":[' + '1,' * 8_000_000 + '1]}').encode()


CASES = [
    *(Case(32, f'100 MB header of {name}', header(name), 'model.safetensors', also=()) for name in HEADERS),
    Case(32, '200,000 tensors', tensors_of_many, 'model.safetensors', seconds=1, also=(('inspect', '{in}'),)),
    Case(32, '200,000 tensors in an index', index_of_many, 'safetensors', seconds=1.5, also=(('inspect', '{in}'),)),
    Case(32, 'index of 500,000 shards', shards_of_many, 'expected at most 99999 files, found 500000', also=()),
    Case(82, '200,000 tensors in a GGUF', gguf_of_many, 'in.gguf', kind='gguf', seconds=1, also=()),
    Case(82, '1,000,000 keys in a GGUF', gguf_of_keys, 'in.gguf', kind='gguf', also=()),
    Case(89, '10,000,000 empty texts in a GGUF', gguf_of_tokens, '', exit=0, kind='gguf', also=()),
    Case(49, '16 MB config.json', config_of_many, 'config.json', also=()),
]
