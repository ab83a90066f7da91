"""The header of a safetensors file: lines 1 to 32."""
import json
import os
import struct

from checkpoint import Tensor
from suite import Case

DOWN = 'model.layers.0.mlp.down_proj.weight'
FILE = 'model.safetensors'


def raw(content):
    """The whole file is `content`, or what it makes of the right one."""
    def make(model):
        model.files[FILE] = content(model.safetensors()) if callable(content) else content
    return make


def length(number):
    return raw(lambda file: struct.pack('<Q', number) + file[8:])


def text(change):
    """The header's text, changed."""
    def make(model):
        model.files[FILE] = model.safetensors(change(json.dumps(model.header())))
    return make


def entry(**fields):
    """Other fields of one tensor's entry."""
    def make(model):
        header = model.header()
        header[DOWN].update(fields)
        model.files[FILE] = model.safetensors(json.dumps(header))
    return make


def header(change):
    def make(model):
        changed = model.header()
        change(changed)
        model.files[FILE] = model.safetensors(json.dumps(changed))
    return make


def field(old, new):
    """A number in the entry of one tensor, as text."""
    def change(header):
        begin = header.index(f'"{DOWN}"')
        end = header.index('}', begin)
        assert old in header[begin:end]
        return header[:begin] + header[begin:end].replace(old, new) + header[end:]
    return text(change)


def extra(name, dtype='F32', shape=(1,), data=None):
    def make(model):
        model.tensors[name] = Tensor(dtype, shape, data)
    return make


def moved(by_begin, by_end):
    def make(model):
        offsets = model.header()[DOWN]['data_offsets']
        entry(data_offsets=[offsets[0] + by_begin, offsets[1] + by_end])(model)
    return make


def reversed_offsets(model):
    entry(data_offsets=model.header()[DOWN]['data_offsets'][::-1])(model)


def sparse(size):
    """A long file whose length field fits it."""
    def make(model):
        def grow(folder):
            with (folder / FILE).open('wb') as file:
                file.write(struct.pack('<Q', size - 8) + b'{')
            os.truncate(folder / FILE, size)
        model.files[FILE] = b''
        return grow
    return make


def overlap(header):
    names = [name for name in header if name != '__metadata__']
    begin, end = header[names[0]]['data_offsets']
    size = header[names[1]]['data_offsets'][1] - header[names[1]]['data_offsets'][0]
    header[names[1]]['data_offsets'] = [begin, begin + size]


ROPE = 'model.layers.0.self_attn.rotary_emb.inv_freq'  # published by old exporters, and dropped

CASES = [
    Case(1, 'empty file', raw(b''), 'model.safetensors: byte 0: expected a header length of 8 bytes, found 0'),
    Case(2, 'seven bytes', raw(b'\x10' + bytes(6)), 'model.safetensors: '),
    Case(2, 'one byte', raw(b'{'), 'byte 0: expected a header length of 8 bytes, found 1'),
    Case(3, 'length 0', length(0), "byte 8: expected '{', found an empty header"),
    Case(4, 'length past the end', length(2**22), 'byte 0: expected a header of at most'),
    Case(4, 'length one past the end', raw(lambda file: struct.pack('<Q', len(file) - 7) + file[8:]), 'the rest of the file'),
    Case(5, 'length over 100 MB', length(100_000_001), 'byte 0: expected a header of at most'),
    Case(5, 'length over 100 MB in a file that long', sparse(100_000_200), 'at most 100000000 bytes'),
    Case(6, 'length 2^64-1', length(2**64 - 1), 'found a length of 18446744073709551615'),
    Case(6, 'length 2^63', length(2**63), 'found a length of 9223372036854775808'),
    Case(6, 'length 2^64-8, which wraps with its own field', length(2**64 - 8), 'byte 0: expected a header of at most'),
    Case(7, 'zeroed header', raw(lambda file: bytes(4096) + file[4096:]), 'model.safetensors'),
    Case(7, 'zeroed text', raw(lambda file: file[:8] + bytes(512) + file[520:]), "byte 8: expected '{'"),
    Case(7, 'zeroed file', raw(lambda file: bytes(len(file))), 'model.safetensors'),
    Case(8, 'Git LFS pointer', raw(b'version https://git-lfs.github.com/spec/v1\noid sha256:' + b'0' * 64 + b'\nsize 9\n'),
         'a Git-LFS pointer; `git lfs pull`'),
    Case(9, 'HTML page', raw(b'<!DOCTYPE html><html><head><title>Sign in</title></head></html>'), 'HTML'),
    Case(9, 'HTML page, small letters', raw(b'<html>\n<body>Not found</body></html>'), 'HTML'),
    Case(10, 'bad UTF-8 in a name', raw(lambda file: file.replace(b'down_proj', b'down\xff\xfero', 1)), 'UTF-8'),
    Case(10, 'a surrogate in a name', raw(lambda file: file.replace(b'down_proj', b'dow\xed\xa0\x80roj', 1)), 'UTF-8'),
    Case(10, 'half a surrogate pair, escaped', text(lambda header: header.replace('mlp.down', 'mlp\\ud800.down', 1)),
         'model.safetensors'),
    Case(11, 'truncated JSON', text(lambda header: header[:-40]), 'model.safetensors: '),
    Case(11, 'only a brace', text(lambda header: '{'), 'model.safetensors: '),
    Case(11, 'without its last brace', text(lambda header: header[:-1]), 'model.safetensors: '),
    Case(12, 'bytes after the JSON', text(lambda header: header + 'x'), 'model.safetensors: '),
    Case(12, 'NUL after the JSON', text(lambda header: header + '\0\0\0'), 'model.safetensors: '),
    Case(12, 'a second object after the JSON', text(lambda header: header + header), 'model.safetensors: '),
    Case(12, 'trailing spaces', text(lambda header: header + ' ' * 4096), exit=0),
    Case(13, 'objects 100,000 deep', text(lambda header: '{"a":' * 100_000), 'model.safetensors: '),
    Case(13, 'arrays 100,000 deep in a shape',
         text(lambda header: '{"a":{"dtype":"F32","shape":' + '[' * 100_000), 'model.safetensors: '),
    Case(13, 'closed arrays 100,000 deep in the metadata',
         text(lambda header: '{"__metadata__":{"a":' + '[' * 100_000 + ']' * 100_000 + '}}'), 'model.safetensors: '),
    Case(14, 'duplicate tensor', text(lambda header: header[:-1] + f', "{DOWN}"' + header.split(f'"{DOWN}"')[1].split('}')[0]
                                      + '}}'), f"a second '{DOWN}'"),
    Case(14, 'duplicate tensor, its name escaped otherwise',
         text(lambda header: header[:-1] + ', "' + DOWN.replace('m', '\\u006d') + '"'
              + header.split(f'"{DOWN}"')[1].split('}')[0] + '}}'), f"a second '{DOWN}'"),
    Case(14, 'a second __metadata__', text(lambda header: header[:-1] + ', "__metadata__": {}}'), '__metadata__'),
    Case(15, 'duplicate field', field('"dtype": "BF16"', '"dtype": "BF16", "dtype": "BF16"'), f"'{DOWN}': dtype: expected one"),
    Case(15, 'duplicate key of the metadata', text(lambda header: header.replace('"format": "pt"', '"a": "1", "a": "2"')), ': a: '),
    Case(15, 'field that is no field', field('"dtype": "BF16"', '"dtype": "BF16", "strides": [1]'), f"'{DOWN}': strides: "),
    Case(15, 'no dtype', field('"dtype": "BF16", ', ''), f"'{DOWN}': dtype: expected a value"),
    Case(17, 'unknown dtype', entry(dtype='F12'), f"'{DOWN}': dtype: expected a dtype of the format, found F12"),
    Case(17, 'dtype in small letters', entry(dtype='bf16'), f"'{DOWN}': dtype: "),
    Case(17, 'dtype that is a number', entry(dtype=16), f"'{DOWN}': dtype: expected a string"),
    Case(17, 'dtype null', entry(dtype=None), f"'{DOWN}': dtype: expected a string"),
    Case(17, 'an empty dtype', entry(dtype=''), f"'{DOWN}': dtype: "),
    Case(18, 'negative size', entry(shape=[-1, 512]), f"'{DOWN}': shape: expected integers in [0, 2^53], found -1"),
    Case(18, 'size that is a float', field('[256, 512]', '[256.0, 512]'), f"'{DOWN}': shape: expected integers"),
    Case(18, 'size 1e2', field('[256, 512]', '[1e2, 512]'), f"'{DOWN}': shape: expected integers"),
    Case(18, 'size over 2^53', entry(shape=[2**53 + 1, 0]), f"'{DOWN}': shape: expected integers in [0, 2^53]"),
    Case(18, 'size of 300 digits', field('[256, 512]', f'[{"9" * 300}, 512]'), f"'{DOWN}': shape: expected integers"),
    Case(18, 'size that is a string', entry(shape=['256', 512]), f"'{DOWN}': shape: expected integers"),
    Case(18, 'size true', entry(shape=[True, 512]), f"'{DOWN}': shape: expected integers"),
    Case(18, 'shape that is a number', entry(shape=131072), f"'{DOWN}': shape: expected a JSON array"),
    Case(18, 'negative offset', moved(-10**9, 0), f"'{DOWN}': data_offsets: expected integers in"),
    Case(18, 'offset over 2^53', entry(data_offsets=[0, 2**64 - 1]), f"'{DOWN}': data_offsets: "),
    Case(18, 'offsets of three', entry(data_offsets=[0, 1, 2]), f"'{DOWN}': data_offsets: expected 2 numbers, found 3"),
    Case(18, 'offsets of none', entry(data_offsets=[]), f"'{DOWN}': data_offsets: expected 2 numbers, found 0"),
    Case(19, 'product of sizes overflows', entry(shape=[2**32, 2**32]), f"'{DOWN}': shape: expected a whole number of bytes"),
    Case(19, 'product of sizes wraps to the right one', entry(shape=[2**33, 2**31, 256, 512]), f"'{DOWN}': shape: "),
    Case(19, 'product of sizes overflows beside a 0', entry(shape=[2**53, 2**53, 0]), f"'{DOWN}': "),
    Case(20, 'bit count overflows', entry(shape=[2**53, 2**9]), f"'{DOWN}': shape: expected a whole number of bytes"),
    Case(21, 'shape of more bytes', entry(shape=[256, 513]), f"'{DOWN}': data_offsets: expected 262656 bytes"),
    Case(21, 'shape of fewer bytes', entry(shape=[256]), f"'{DOWN}': data_offsets: expected 512 bytes"),
    Case(21, 'dtype of other bytes', entry(dtype='F32'), f"'{DOWN}': data_offsets: expected 524288 bytes"),
    Case(22, 'reversed offsets', reversed_offsets, f"'{DOWN}': data_offsets: expected begin <= end"),
    Case(23, 'overlap', header(overlap), '(an overlap)'),
    Case(24, 'hole between two', header(lambda h: h['model.norm.weight'].update(shape=[255], data_offsets=[
        h['model.norm.weight']['data_offsets'][0] + 2, h['model.norm.weight']['data_offsets'][1]])), '(a hole)'),
    Case(24, 'hole before the first', header(lambda h: [e.update(data_offsets=[b + 2 for b in e['data_offsets']])
                                                        for name, e in h.items() if name != '__metadata__']), '(a hole)'),
    Case(25, 'one byte behind the last tensor', raw(lambda file: file + b'\0'), '1 bytes more'),
    Case(25, 'a megabyte behind the last tensor', raw(lambda file: file + bytes(2**20)), '1048576 bytes more'),
    Case(26, 'one byte short', raw(lambda file: file[:-1]), "tensor 'model.norm.weight'"),
    Case(26, 'half the data', raw(lambda file: file[:len(file) // 2]), 'it is cut off'),
    Case(26, 'header alone', raw(lambda file: file[:8 + struct.unpack_from('<Q', file)[0]]), 'it is cut off'),
    Case(27, 'odd count of F4', entry(dtype='F4', shape=[3]), f"'{DOWN}': shape: expected a whole number of bytes"),
    Case(27, 'count of F6 that ends within a byte', entry(dtype='F6_E2M3', shape=[5]), f"'{DOWN}': shape: "),
    Case(28, 'metadata of a number', text(lambda h: h.replace('"pt"', '1', 1)), '__metadata__: format: expected a string'),
    Case(28, 'metadata null', text(lambda h: h.replace('"pt"', 'null', 1)), '__metadata__: format: expected a string'),
    Case(28, 'metadata that is a list', text(lambda h: h.replace('{"format": "pt"}', '[]', 1)), '__metadata__'),
    Case(29, 'NUL in a name', extra('a\0b'), 'expected a name without control characters'),
    Case(29, 'newline in a name', extra('a\nb'), 'expected a name without control characters'),
    Case(29, '../ in a name', extra('../../etc/passwd'), "expected a name without control characters or '..'"),
    Case(29, '..\\ in a name', extra('..\\x'), "expected a name without control characters or '..'"),
    Case(29, 'escape sequence in a name', extra('\x1b[31mred'), 'expected a name without control characters'),
    Case(29, 'empty name', extra(''), "unknown ''"),
    Case(29, 'name of a megabyte', extra('x' * 2**20), 'model.safetensors: '),
    Case(30, 'rank 0', extra(ROPE, shape=()), exit=0),
    Case(30, 'a size of zero', extra(ROPE, shape=(0, 7)), exit=0),
    Case(31, 'space before the JSON', text(lambda header: ' ' + header), "byte 8: expected '{'"),
    Case(31, 'newline before the JSON', text(lambda header: '\n' + header), "byte 8: expected '{'"),
    Case(31, 'byte order mark before the JSON', text(lambda header: '\ufeff' + header), "byte 8: expected '{'"),
]
