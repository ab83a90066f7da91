"""GGUF as input: lines 82 to 94."""
import struct

import checkpoint as wire
from checkpoint import GgufTensor
from suite import Case

DOWN = 'blk.0.ffn_down.weight'


def gguf(number, name, make, says, **more):
    return Case(number, name, make, says, kind='gguf', **more)


def attribute(**values):
    def make(file):
        for name, value in values.items():
            setattr(file, name, value)
    return make


def key(name, kind, value):
    return lambda file: file.set(name, kind, value)


def no_key(name):
    return lambda file: file.keys.pop(name) and None


def counts(tensors=None, keys=None):
    def make(file):
        file.counts = (len(file.tensors) if tensors is None else tensors, len(file.keys) if keys is None else keys)
    return make


def behind_keys(raw):
    """One more key, of these bytes."""
    def make(file):
        file.counts, file.extra = (len(file.tensors), len(file.keys) + 1), raw
    return make


def tensor(name=DOWN, **values):
    def make(file):
        for field, value in values.items():
            setattr(file.tensor(name), field, value)
    return make


def dims(*sizes):
    return tensor(dims=list(sizes))


def one_more(name, sizes=(1,), kind=0, data=b'\0\0\0\0'):
    return lambda file: file.tensors.append(GgufTensor(name, list(sizes), kind, data))


def bytes_of(change):
    return lambda file: change(file.bytes())


def typed(name, kind, code):
    """A matrix stored as another type, every block made of `code`."""
    def make(file):
        one = file.tensor(DOWN)
        one.kind = kind
        one.data = code * (512 * 256 // {2: 32, 39: 32, 40: 64}[kind])
    return make


def split(change=lambda parts: None, count=2):
    """The model in so many parts, the first of which is named on the command line."""
    def make(file):
        names = [f'in-{number + 1:05}-of-{count:05}.gguf' for number in range(count)]
        parts = {}
        for number, name in enumerate(names):
            part = file.copy()
            part.tensors = file.tensors[number::count]
            if number:
                part.keys = {}
            part.set('split.no', wire.U16, number)
            part.set('split.count', wire.U16, count)
            part.set('split.tensors.count', wire.I32, len(file.tensors))
            parts[name] = part
        change(parts)
        return {name: part if isinstance(part, bytes) else part.bytes() for name, part in parts.items()}
    return make


def other_architecture(parts):
    parts['in-00002-of-00002.gguf'].tensors[0].name = 'encoder.weight'


SECOND = 'in-00002-of-00002.gguf'
BLOCKS = 'llama.block_count'

CASES = [
    gguf(82, 'nothing', bytes_of(lambda file: b''), 'in.gguf'),
    gguf(82, 'magic', attribute(magic=b'GGML'), 'in.gguf: '),
    gguf(82, 'magic of zeros', attribute(magic=bytes(4)), 'expected "GGUF"'),
    gguf(82, 'magic alone', bytes_of(lambda file: b'GGUF'), 'in.gguf: header, byte 4'),
    gguf(82, 'Git LFS pointer', bytes_of(lambda file: b'version https://git-lfs.github.com/spec/v1\n'), 'a Git LFS pointer?'),
    *(gguf(82, f'version {version}', attribute(version=version), f'found version {version}') for version in (0, 1, 4, 2**31 + 1)),
    *(gguf(82, f'{count} tensors', counts(tensors=count), 'tensors in') for count in (-1, 2**63, 10**9, 2**64 // 33)),
    *(gguf(82, f'{count} keys', counts(keys=count), 'keys in') for count in (-1, 2**63, 10**9, 2**64 // 14)),
    gguf(82, 'one key too many', lambda file: counts(keys=len(file.keys) + 1)(file), 'in.gguf: '),
    gguf(82, 'one tensor too many', lambda file: counts(tensors=len(file.tensors) + 1)(file), 'in.gguf: '),
    gguf(82, 'one key too few', lambda file: counts(keys=len(file.keys) - 1)(file), 'in.gguf: '),
    gguf(82, 'key size 2^64-1', behind_keys(b'\xff' * 8), 'expected a length of at most'),
    gguf(82, 'key size 2^63', behind_keys(struct.pack('<Q', 2**63)), 'expected a length of at most'),
    gguf(82, 'empty key', key('', wire.U8, 1), 'expected a name, found an empty one'),
    gguf(82, 'value type 13', behind_keys(wire.text('k') + struct.pack('<I', 13)), "key 'k', byte"),
    gguf(82, 'value type 2^32-1', behind_keys(wire.text('k') + b'\xff' * 4), 'expected a value type in [0, 12]'),
    gguf(82, 'duplicate key', behind_keys(wire.text(BLOCKS) + struct.pack('<II', wire.U32, 1)), f"key '{BLOCKS}', byte"),
    gguf(82, 'bool of 2', key('k', wire.BOOL, 2), 'expected a bool (0 or 1), found 2'),
    gguf(82, 'string of 2^40 bytes', behind_keys(wire.text('k') + struct.pack('<IQ', wire.STRING, 2**40)), "key 'k', byte"),
    *(gguf(82, f'alignment {value}', key('general.alignment', wire.U32, value), "key 'general.alignment'")
      for value in (0, 1, 4, 48, 2**32 - 1)),
    gguf(82, 'alignment 2^31', key('general.alignment', wire.U32, 2**31), 'token_embd.weight'),
    gguf(82, 'alignment of 64 bits', key('general.alignment', wire.U64, 32), "key 'general.alignment'"),
    gguf(82, 'alignment as text', key('general.alignment', wire.STRING, '32'), "key 'general.alignment'"),
    gguf(82, 'tensor name of 64 bytes', one_more('x' * 64), 'a name of at most 63 bytes'),
    gguf(82, 'tensor name of nothing', one_more(''), 'expected a name'),
    gguf(82, 'tensor name size 2^64-1', counts(tensors=1000), 'in.gguf'),
    gguf(82, 'no dimensions', dims(), 'expected 1 to 4 dimensions, found 0'),
    gguf(82, 'five dimensions', dims(1, 1, 1, 1, 1), 'expected 1 to 4 dimensions, found 5'),
    gguf(82, 'negative dimension', dims(-1, 256), 'found -1'),
    gguf(82, 'element count overflows', dims(2**32, 2**31), 'a product below 2^63'),
    gguf(82, 'element count wraps to the right one', dims(512, 256, 2**33, 2**31), 'a product below 2^63'),
    gguf(82, 'element count overflows beside a 0', dims(0, 2**32, 2**31), 'a product below 2^63'),
    gguf(82, 'byte count overflows', dims(2**62), 'expected a tensor smaller than the file'),
    gguf(82, 'more bytes than the file has', dims(512, 256000), 'expected a tensor smaller than the file'),
    gguf(82, 'rows not in blocks', tensor(dims=[500, 256], kind=2), 'expected rows of Q4_0 in multiples of 32'),
    gguf(82, 'another shape than the model says', lambda file: dims(256, 512)(file), DOWN),
    gguf(82, 'type 4242', tensor(kind=4242), 'found type 4242'),
    gguf(82, 'type 2^32-1', tensor(kind=2**32 - 1), 'found type 4294967295'),
    gguf(82, 'type IQ2_XXS', tensor(kind=16), 'IQ2_XXS'),
    gguf(82, 'offset 2^63', tensor(offset=2**63), 'expected offset'),
    gguf(82, 'offset 2^64-32', tensor(offset=2**64 - 32), 'expected offset'),
    gguf(82, 'offset unaligned', tensor('blk.0.attn_norm.weight', offset=4), 'expected offset'),
    gguf(82, 'offset of another tensor', tensor(offset=0), 'expected offset'),
    gguf(82, 'duplicate tensor', lambda file: file.tensors.append(file.tensor(DOWN)), DOWN),
    gguf(82, 'not enough data', bytes_of(lambda file: file[:-4096]), 'expected its data to end at byte'),
    gguf(82, 'header alone', bytes_of(lambda file: file[:40_000]), 'in.gguf'),
    *(gguf(82, f'first {size} bytes', bytes_of(lambda file, size=size: file[:size]), 'in.gguf')
      for size in (5, 8, 12, 23, 24, 25, 32, 100, 1000)),
    gguf(82, 'no architecture', no_key('general.architecture'), 'general.architecture'),
    gguf(82, 'architecture unknown', key('general.architecture', wire.STRING, 'mamba'), 'mamba'),
    gguf(82, 'architecture a number', key('general.architecture', wire.U32, 7), 'general.architecture'),
    *(gguf(82, f'{name} of {value}', key('llama.' + name, wire.U32, value), 'llama.' + name)
      for name, value in (('embedding_length', 0), ('attention.head_count', 0), ('attention.head_count_kv', 0),
                          ('attention.head_count', 7), ('attention.head_count_kv', 3), ('feed_forward_length', 0),
                          ('attention.key_length', 0), ('rope.dimension_count', 33))),
    *(gguf(82, f'{name} as text', key('llama.' + name, wire.STRING, 'x'), 'llama.' + name)
      for name in ('embedding_length', 'block_count', 'attention.head_count', 'rope.freq_base')),
    *(gguf(82, f'{name} of {value}', key('llama.' + name, wire.F32, value), 'llama.' + name)
      for name in ('rope.freq_base', 'attention.layer_norm_rms_epsilon') for value in (float('nan'), float('inf'), -1)),
    gguf(85, 'one byte behind the end', attribute(tail=b'\0'), 'expected the end of the file at byte'),
    gguf(85, 'a megabyte behind the end', attribute(tail=bytes(2**20)), '1048576 more bytes'),
    gguf(87, 'bad UTF-8 in a key', key(b'a\xff', wire.BOOL, 1), 'expected text in UTF-8'),
    gguf(87, 'bad UTF-8 in text', key('k', wire.STRING, b'\xc3'), "key 'k', byte"),
    gguf(87, 'bad UTF-8 in a token', lambda file: file.keys['tokenizer.ggml.tokens'][1][1].__setitem__(3, b'\xed\xa0\x80'),
         "key 'tokenizer.ggml.tokens', byte"),
    gguf(87, 'bad UTF-8 in a tensor name', lambda file: setattr(file.tensor(DOWN), 'name', b'\xff'), 'expected text in UTF-8'),
    gguf(88, 'NUL in a key', key('a\0b', wire.BOOL, 1), 'expected a name without NUL'),
    gguf(88, 'NUL in a tensor name', one_more('a\0b'), 'expected a name without NUL'),
    gguf(88, 'newline in a tensor name', one_more('a\nb'), 'a\\nb'),
    gguf(89, 'array of type 99', behind_keys(wire.text('k') + struct.pack('<IIQ', wire.ARRAY, 99, 0)), 'element type in [0, 12]'),
    gguf(89, 'array of arrays', behind_keys(wire.text('k') + struct.pack('<IIQ', wire.ARRAY, wire.ARRAY, 1)), 'an array of arrays'),
    gguf(89, 'array of 2^61', behind_keys(wire.text('k') + struct.pack('<IIQ', wire.ARRAY, wire.U64, 2**61)), 'a length of at most'),
    gguf(89, 'array of 2^64-1 texts', behind_keys(wire.text('k') + struct.pack('<IIQ', wire.ARRAY, wire.STRING, 2**64 - 1)),
         'a length of at most'),
    gguf(89, 'tokens of numbers', key('tokenizer.ggml.tokens', wire.ARRAY, (wire.U32, [1, 2, 3])), 'tokenizer.ggml.tokens'),
    gguf(89, 'tokens of no array', key('tokenizer.ggml.tokens', wire.STRING, 'a'), 'tokenizer.ggml.tokens'),
    gguf(89, 'merges of numbers', key('tokenizer.ggml.merges', wire.ARRAY, (wire.F32, [1.0])), 'tokenizer.ggml.merges'),
    gguf(89, 'head counts of three for one layer', key('llama.attention.head_count', wire.ARRAY, (wire.U32, [8, 8, 8])),
         'llama.attention.head_count'),
    gguf(90, 'scores of another length', key('tokenizer.ggml.scores', wire.ARRAY, (wire.F32, [0.0] * 7)), 'tokenizer.ggml.scores'),
    gguf(90, 'token types of another length', key('tokenizer.ggml.token_type', wire.ARRAY, (wire.I32, [1] * 7)),
         'token types: expected 1024, one for each token, found 7'),
    gguf(90, 'fewer tokens than the model', lambda file: file.keys['tokenizer.ggml.tokens'][1][1].pop() and None, 'in.gguf'),
    gguf(90, 'token type 99', lambda file: file.keys['tokenizer.ggml.token_type'][1][1].__setitem__(0, 99), "key 'tokenizer.ggml.token_type', token 0: expected a type from 1 to 6"),
    gguf(90, 'bos 2^32-1', key('tokenizer.ggml.bos_token_id', wire.U32, 2**32 - 1), 'bos token: expected an id below 1024'),
    gguf(91, 'block_count 10^6', key(BLOCKS, wire.U32, 10**6), 'in.gguf'),
    gguf(91, 'block_count 2^32-1', key(BLOCKS, wire.U32, 2**32 - 1), 'in.gguf'),
    gguf(91, 'block_count 0', key(BLOCKS, wire.U32, 0), BLOCKS),
    gguf(91, 'block_count 2', key(BLOCKS, wire.U32, 2), "blk.1."),
    gguf(92, 'big-endian', lambda file: file.bytes(order='>'), 'a big-endian file'),
    gguf(93, 'split that is whole', split(), '', exit=0),
    gguf(93, 'a part missing', split(lambda parts: parts.pop(SECOND)), 'expected 2 parts, missing ', exit=66),
    gguf(93, 'a part twice', split(lambda parts: parts.update({SECOND: parts['in-00001-of-00002.gguf']})), SECOND),
    gguf(93, 'a part of another model', split(other_architecture), "unknown 'encoder.weight'"),
    gguf(93, 'a part of a split into three', split(lambda parts: parts[SECOND].set('split.count', wire.U16, 3)), SECOND),
    gguf(93, 'count of tensors', split(lambda parts: parts[SECOND].set('split.tensors.count', wire.I32, 9)), SECOND),
    gguf(93, 'number 65535', split(lambda parts: parts[SECOND].set('split.no', wire.U16, 65535)), SECOND),
    gguf(93, '65535 parts', split(lambda parts: parts['in-00001-of-00002.gguf'].set('split.count', wire.U16, 65535)), 'in-00001'),
    gguf(93, '99999 parts, all but one missing', lambda file: (file.set('split.count', wire.U32, 99999),
         file.set('split.no', wire.U16, 0), file.set('split.tensors.count', wire.I32, 9),
         {'in-00001-of-99999.gguf': file.bytes()})[-1], 'expected 99999 parts', exit=66),
    gguf(93, 'the second part is named', lambda file: dict(reversed(split()(file).items())), SECOND),
    gguf(93, 'the second part is no GGUF', split(lambda parts: parts.update({SECOND: b'x' * 100})), SECOND),
    *(gguf(94, f'type {name}', tensor(kind=kind), name) for name, kind in
      (('Q4_2, removed', 4), ('Q4_3, removed', 5), ('Q4_0_4_4, removed', 31), ('IQ4_NL_8_8, removed', 38), ('Q8_1', 9))),
    gguf(61, 'NaN in a scale of Q4_0', typed(DOWN, 2, b'\x00\x7e' + bytes(16)), DOWN),
    gguf(62, 'infinity in a scale of Q4_0', typed(DOWN, 2, b'\x00\x7c' + bytes(16)), DOWN),
    gguf(64, 'E8M0 = 0xFF in MXFP4', typed(DOWN, 39, b'\xff' + bytes(16)), DOWN),
    gguf(65, 'UE4M3 = 0x7F in NVFP4', typed(DOWN, 40, b'\x7f' * 4 + bytes(32)), DOWN),
    gguf(65, 'UE4M3 = 0xFF in NVFP4, whose top bit is no part of the code', typed(DOWN, 40, b'\xff' * 4 + bytes(32)), '', exit=0),
]
