"""Importance matrices and calibration texts: lines 96 to 104. What is laid out is the good folder; the file under test is
made of the matrix that the program itself calibrates."""
import struct

import checkpoint as wire
from checkpoint import Gguf, GgufTensor, f32
from suite import Case, REPOSITORY

QUERY = 'blk.0.attn_q.weight'
WITH_MATRIX = ('quantize', '{in}', '-o', '{out}', '--type', 'Q4_0', '--force', '--imatrix', '{dir}/matrix')
WITH_TEXT = ('quantize', '{in}', '-o', '{out}', '--type', 'Q4_0', '--force', '--calibration-ctx', '32',
             '--calibration-chunks', '2', '--calibration-text', '{dir}/text.{end}')
CALIBRATE = ('calibrate', '{in}', '-o', '{out}', '--force', '--ctx', '32', '--chunks', '2', '--text', '{dir}/text.{end}')


def matrix(suite):
    """llama.cpp's GGUF form, of the good model."""
    made = suite.work / 'matrix.gguf'
    suite.run('calibrate', suite.work / 'good', '-o', made, '--text', REPOSITORY / 'tiny/heldout.txt', '--ctx', '32',
              '--chunks', '4', '--quiet').require(made.exists(), 'expected a matrix')
    return Gguf(made.read_bytes())


def values(name, *numbers):
    def change(file):
        tensor = file.tensor(name)
        tensor.data = f32(*numbers) + tensor.data[4 * len(numbers):]
    return change


def dropped(*endings):
    def change(file):
        file.tensors = [tensor for tensor in file.tensors if not tensor.name.endswith(endings)]
    return change


def shaped(name, *dims):
    def change(file):
        tensor = file.tensor(name)
        tensor.dims = list(dims)
        elements = 1
        for size in dims:
            elements *= size
        tensor.data = bytes(4 * elements)
    return change


def retyped(name, kind):
    return lambda file: setattr(file.tensor(name), 'kind', kind)


def all_counts(number):
    def change(file):
        for tensor in file.tensors:
            if tensor.name.endswith('.counts'):
                tensor.data = f32(number) * (len(tensor.data) // 4)
    return change


def renamed(old, new):
    def change(file):
        for tensor in file.tensors:
            tensor.name = tensor.name.replace(old, new)
    return change


def old_form(*entries):
    """llama.cpp's older form of (name, calls, values)."""
    return struct.pack('<i', len(entries)) + b''.join(
        struct.pack('<i', len(name)) + name + struct.pack(f'<ii{len(numbers)}f', calls, len(numbers), *numbers)
        for name, calls, numbers in entries)


MATRICES = [  # number, name, change or bytes, what is said, exit code
    (96, 'empty counts', shaped(QUERY + '.counts', 0), QUERY, 65),
    (96, 'empty sums', shaped(QUERY + '.in_sum2', 0), QUERY, 65),
    (96, 'no counts', dropped('q.weight.counts'), QUERY + ".counts' beside it", 65),
    (96, 'no sums', dropped('q.weight.in_sum2'), QUERY + ".in_sum2' beside it", 65),
    (96, 'nothing at all', dropped('.counts', '.in_sum2'), 'importance matrix: expected entries for the linears', 65),
    (97, 'a count of zero', values(QUERY + '.counts', 0), QUERY + ': saw no token in the importance matrix: its columns', 0),
    (97, 'all counts zero', all_counts(0), 'blk.0.', 0),
    (98, 'negative count', values(QUERY + '.counts', -1), 'expected finite numbers from 0 on, found -1', 65),
    (98, 'negative sum', values(QUERY + '.in_sum2', 1, -1), 'expected finite numbers from 0 on, found -1', 65),
    (98, 'NaN', values(QUERY + '.in_sum2', float('nan')), 'expected finite numbers from 0 on, found', 65),
    (98, 'infinity', values(QUERY + '.counts', float('inf')), 'expected finite numbers from 0 on, found inf', 65),
    (98, 'sums of 1e38, counts of 1e-38', lambda file: (values(QUERY + '.in_sum2', *[3e38] * 256)(file),
                                                        values(QUERY + '.counts', 1e-38)(file)), '', 0),
    (100, 'too few sums', shaped(QUERY + '.in_sum2', 128, 1), QUERY, 65),
    (100, 'too many sums', shaped(QUERY + '.in_sum2', 256, 3), QUERY, 65),
    (100, 'counts of another size', shaped(QUERY + '.counts', 1, 3), QUERY, 65),
    (100, 'sums as F16', retyped(QUERY + '.in_sum2', 1), QUERY, 65),
    (101, 'other model', renamed('blk.0', 'blk.77'), 'importance matrix: expected entries for the linears', 65),
    (101, 'other model of other names', renamed('blk', 'enc'), 'importance matrix: expected entries for the linears', 65),
    (101, 'other model of wider layers', shaped(QUERY + '.in_sum2', 512, 1), QUERY, 65),
    (101, 'a model instead of a matrix', 'good.gguf', 'general.type', 65),
    (102, 'missing layer', dropped('ffn_down.weight.counts', 'ffn_down.weight.in_sum2'), 'blk.0.ffn_down.weight', 0),
    (103, 'truncated', lambda file: file.bytes()[:-700], '/matrix', 65),
    (103, 'truncated header', lambda file: file.bytes()[:200], '/matrix', 65),
    (103, 'nothing', lambda file: b'', '/matrix', 65),
    (103, 'three bytes', lambda file: b'GGU', '/matrix', 65),
    (103, 'text', lambda file: b'importance: 1.0\n' * 100, '/matrix', 65),
    (103, 'older form, of no entries', lambda file: old_form(), '/matrix', 65),
    (103, 'older form, of -1 entries', lambda file: struct.pack('<i', -1) + bytes(64), '/matrix', 65),
    (103, 'older form, of 2^31-1 entries', lambda file: struct.pack('<i', 2**31 - 1) + bytes(64), '/matrix', 65),
    (103, 'older form, of a name past the end', lambda file: struct.pack('<ii', 1, 2**31 - 1) + bytes(64), '/matrix', 65),
    (103, 'older form, of 2^31-1 values', lambda file: struct.pack('<ii', 1, 1) + b'a' + struct.pack('<ii', 1, 2**31 - 1) + bytes(64),
     '/matrix', 65),
    (103, 'older form, of no calls', lambda file: old_form((QUERY.encode(), 0, [1.0] * 256)), 'has no entry for 6 of 7 linears', 0),
    (103, 'older form, of -5 calls', lambda file: old_form((QUERY.encode(), -5, [1.0] * 256)), '/matrix', 65),
]

TEXTS = [
    (104, 'empty text', b'', '/text.txt: expected text, found none', 65),
    (104, 'blank text', b' \n\n ', 'expected at least one window of 32 tokens', 64),
    (104, 'text shorter than a window', b'The cat', 'expected at least one window of 32 tokens', 64),
    (104, 'binary text', bytes(range(256)) * 40, '/text.', 65),
    (104, 'text of NUL', bytes(5000), '/text.txt: byte 0: expected text in UTF-8', 65),
    (104, 'a model as the text', 'good.gguf', '/text.', 65),
    (104, 'text in UTF-16', ('The cat sat. ' * 400).encode('utf-16'), '/text.', 65),
    (104, 'one word over and over', b'a ' * 5000, 'were there before', 0),
]

RECORDS = [
    (104, 'records of nothing', b'', '/text.jsonl: expected text, found none', 65),
    (104, 'records that are no JSON', b'{"text": "a"}\nThe cat\n', 'text.jsonl: line 2', 65),
    (104, 'records of numbers', b'7\n', 'text.jsonl: line 1', 65),
    (104, 'records of another form', b'{"prompt": "a"}\n', 'text.jsonl: line 1', 65),
    (104, 'text that is a number', b'{"text": 7}\n', 'text.jsonl: line 1', 65),
    (104, 'records 100,000 deep', b'{"text":' + b'[' * 100_000, 'text.jsonl: line 1', 65),
    (104, 'messages that are no list', b'{"messages": 7}\n', 'text.jsonl: line 1', 65),
    (104, 'half a surrogate pair', b'{"text": "\\ud800"}\n', 'text.jsonl: line 1', 65),
]

CASES = []


def beside(name, content):
    return lambda model: lambda folder: (folder.parent / name).write_bytes(content)


def more(suite):
    whole = matrix(suite)
    good = (suite.work / 'good.gguf').read_bytes()
    for number, name, change, says, code in MATRICES:
        content = good
        if change != 'good.gguf':
            file = whole.copy()
            content = change(file)
            content = content if isinstance(content, bytes) else file.bytes()
        suite.cases([Case(number, name, beside('matrix', content), says, code, command=WITH_MATRIX, also=())])
    for end, texts in (('txt', TEXTS), ('jsonl', RECORDS)):
        for number, name, content, says, code in texts:
            content = good if content == 'good.gguf' else content
            for command in (WITH_TEXT, CALIBRATE):
                words = tuple(word.replace('{end}', end) for word in command)
                suite.cases([Case(number, f'{name}, {command[0]}', beside('text.' + end, content), says, code, command=words,
                                  also=())])
