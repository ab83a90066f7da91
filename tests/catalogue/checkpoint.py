"""The inputs that cases spoil: a small checkpoint folder, and a GGUF taken apart into keys and tensors. Standard library
only; what is written here is not what reads it, so that a mistake in one shows in the other."""
import copy
import json
import struct

WIDTHS = {'F32': 4, 'I32': 4, 'U8': 1, 'I8': 1, 'F8_E4M3': 1, 'F8_E8M0': 1, 'BF16': 2, 'F16': 2, 'I64': 8, 'F64': 8}


def bf16(value, count=1):
    return struct.pack('<f', value)[2:] * count


def f32(*values):
    return struct.pack(f'<{len(values)}f', *values)


class Tensor:
    def __init__(self, dtype, shape, data=None):
        self.dtype, self.shape = dtype, list(shape)
        elements = 1
        for size in shape:
            elements *= size
        self.data = bytes(elements * WIDTHS[dtype]) if data is None else data

    def put(self, offset, data):
        """Other bytes from byte `offset` on."""
        self.data = self.data[:offset] + data + self.data[offset + len(data):]


class Folder:
    """A checkpoint: change config, tensors and files, then write() it."""

    def __init__(self, source, layers):
        """The first `layers` layers of a published folder of one file."""
        self.config = json.loads((source / 'config.json').read_text())
        self.config['num_hidden_layers'] = layers
        self.metadata = {'format': 'pt'}
        self.files = {path.name: path.read_bytes() for path in source.glob('*.json') if path.name != 'config.json'}
        self.links = {}  # name -> what it leads to
        whole = (source / 'model.safetensors').read_bytes()
        start = 8 + struct.unpack_from('<Q', whole)[0]
        self.tensors = {}
        for name, entry in json.loads(whole[8:start]).items():
            parts = name.split('.')
            if name != '__metadata__' and not (parts[1] == 'layers' and int(parts[2]) >= layers):
                begin, end = (start + offset for offset in entry['data_offsets'])
                self.tensors[name] = Tensor(entry['dtype'], entry['shape'], whole[begin:end])

    def copy(self):
        return copy.deepcopy(self)

    def json(self, name):
        return json.loads(self.files[name])

    def put_json(self, name, value):
        self.files[name] = json.dumps(value).encode()

    def header(self, names=None):
        """The header of a file of these tensors (all of them), to be written as it is or spoilt before."""
        header, end = {'__metadata__': self.metadata}, 0
        for name in names or self.tensors:
            tensor = self.tensors[name]
            header[name] = {'dtype': tensor.dtype, 'shape': tensor.shape, 'data_offsets': [end, end + len(tensor.data)]}
            end += len(tensor.data)
        return header

    def data(self, names=None):
        return b''.join(self.tensors[name].data for name in names or self.tensors)

    def safetensors(self, text=None, names=None):
        """A file with `text`, or the right header, before the tensors' bytes."""
        if text is None:
            text = json.dumps(self.header(names))
        text = text.encode() if isinstance(text, str) else text
        return struct.pack('<Q', len(text)) + text + self.data(names)

    def shards(self, count=2):
        """Splits it over so many files with an index, which is returned."""
        names = list(self.tensors)
        index = {'metadata': {'total_size': len(self.data())}, 'weight_map': {}}
        for shard in range(count):
            file = f'model-{shard + 1:05}-of-{count:05}.safetensors'
            self.files[file] = self.safetensors(names=names[shard::count])
            index['weight_map'].update(dict.fromkeys(names[shard::count], file))
        self.put_json('model.safetensors.index.json', index)
        return index

    def write(self, path):
        path.mkdir(parents=True)
        self.files.setdefault('config.json', json.dumps(self.config).encode())
        if not any('.safetensors' in name or name.endswith(('.bin', '.pt')) for name in (*self.files, *self.links)):
            self.files['model.safetensors'] = self.safetensors()
        for name, content in self.files.items():
            (path / name).write_bytes(content)
        for name, target in self.links.items():
            (path / name).symlink_to(target)


# GGUF's wire values.
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
FORMATS = {U8: 'B', I8: 'b', U16: 'H', I16: 'h', U32: 'I', I32: 'i', F32: 'f', BOOL: 'B', U64: 'Q', I64: 'q', F64: 'd'}


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack('<Q', len(value)) + value


def value_bytes(kind, value):
    """A value on disk; an array's is (element type, values). Bytes are taken as they are."""
    if isinstance(value, bytes) and kind != STRING:
        return value
    if kind == STRING:
        return text(value)
    if kind == ARRAY:
        element, values = value
        return struct.pack('<IQ', element, len(values)) + b''.join(value_bytes(element, item) for item in values)
    return struct.pack('<' + FORMATS[kind], value)


class GgufTensor:
    def __init__(self, name, dims, kind, data):
        self.name, self.dims, self.kind, self.data = name, dims, kind, data
        self.offset = None  # where the data lies, unless that is where it should


class Gguf:
    """Keys {name: [type, value]} and tensors; anything in it may be made wrong before bytes()."""

    def __init__(self, content):
        self.content, self.at = content, 4
        self.magic, self.alignment = content[:4], 32
        self.version, tensors, keys = self._numbers('IQQ')
        self.keys = {}
        for _ in range(keys):
            name = self._text().decode()
            kind, = self._numbers('I')
            self.keys[name] = [kind, self._value(kind)]
        infos = []
        for _ in range(tensors):
            name = self._text().decode()
            rank, = self._numbers('I')
            infos.append((name, list(self._numbers(f'{rank}Q')), *self._numbers('IQ')))
        start = -(-self.at // self.alignment) * self.alignment
        ends = [info[3] for info in infos[1:]] + [len(content) - start]
        self.tensors = [GgufTensor(name, dims, kind, content[start + offset:start + end])
                        for (name, dims, kind, offset), end in zip(infos, ends)]
        self.counts = None  # (tensors, keys), unless they are as many as there are
        self.extra = b''    # raw bytes behind the keys
        self.tail = b''
        del self.content

    def _numbers(self, layout):
        values = struct.unpack_from('<' + layout, self.content, self.at)
        self.at += struct.calcsize('<' + layout)
        return values

    def _text(self):
        size, = self._numbers('Q')
        self.at += size
        return self.content[self.at - size:self.at]

    def _value(self, kind):
        if kind == STRING:
            return self._text()
        if kind == ARRAY:
            element, count = self._numbers('IQ')
            return element, [self._value(element) for _ in range(count)]
        return self._numbers(FORMATS[kind])[0]

    def copy(self):
        return copy.deepcopy(self)

    def tensor(self, name):
        return next(tensor for tensor in self.tensors if tensor.name == name)

    def set(self, key, kind, value):
        self.keys[key] = [kind, value]

    def bytes(self, order='<'):
        counts = self.counts or (len(self.tensors), len(self.keys))
        parts = [self.magic, struct.pack(order + 'IQQ', self.version, *(count % 2**64 for count in counts))]
        for key, (kind, value) in self.keys.items():
            parts += [text(key), struct.pack('<I', kind), value_bytes(kind, value)]
        parts.append(self.extra)
        end, data = 0, []
        for tensor in self.tensors:
            offset = end if tensor.offset is None else tensor.offset
            parts += [text(tensor.name), struct.pack('<I', len(tensor.dims)),
                      *(struct.pack('<Q', dim % 2**64) for dim in tensor.dims), struct.pack('<IQ', tensor.kind, offset)]
            padded = tensor.data + bytes(-len(tensor.data) % self.alignment)
            data.append(padded)
            end += len(padded)
        head = b''.join(parts)
        return head + bytes(-len(head) % self.alignment) + b''.join(data) + self.tail
