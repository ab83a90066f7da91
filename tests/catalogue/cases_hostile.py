"""What an adversary tries beside the catalogue's lines: files that are no files, sparse ones, names, numbers and nesting in
JSON, contradictions in config.json, tokenizers, recipes, options, and what lies where the output goes."""
import json
import os
import struct

import checkpoint as wire
from cases_folder import config, config_text, index_bytes
from cases_tokenizer import file, regex, tokenizer
from checkpoint import Tensor, f32
from suite import OLD, Case

TERABYTE = 1 << 40
PARTS = tuple('out.gguf.part' + end for end in ('', '.journal', '.states'))
TYPE = ('--type', 'Q4_0', '--force')
QUANTIZE = ('quantize', '{in}', '-o', '{out}', *TYPE)


def nothing(model):
    pass


def case(name, make=nothing, says='', exit=65, **more):
    return Case(0, name, make, says, exit, **more)


def then(*steps):
    """Once the folder is written: each step gets it as a path."""
    return lambda model: lambda folder: [step(folder) for step in steps] and None


def replaced(name, by):
    """A file of the folder is another thing: by(path) makes it."""
    def step(folder):
        path = folder / name
        if path.is_symlink() or path.exists():
            path.unlink()
        by(path)
    return then(step)


def beside(name, by):
    return then(lambda folder: by(folder.parent / name))


def sparse(size, start=b''):
    def make(path):
        with open(path, 'wb') as stream:
            stream.write(start)
            stream.truncate(size)
    return make


def link(target):
    return lambda path: path.symlink_to(target)


def folder(path):
    path.mkdir()


def content(data):
    return lambda path: path.write_bytes(data)


def loop(path):
    path.symlink_to(path.name)


def hard_link(path):
    os.link(path.parent / 'in/model.safetensors', path)


def of(kind, *more):
    """A command on {dir}/x, of an extra kind."""
    return {'quantize': ('quantize', '{dir}/x', '-o', '{out}', *TYPE), 'check': ('check', '{dir}/x'),
            'imatrix': (*QUANTIZE, '--imatrix', '{dir}/x'), 'recipe': ('quantize', '{in}', '-o', '{out}', '--force', '--recipe', '{dir}/x'),
            'text': (*QUANTIZE, '--calibration-text', '{dir}/x'), 'ids': ('logits', '{in}', '--ids', '{dir}/x', '-o', '{dir}/y'),
            'tokenize': ('tokenize', '{in}', '--file', '{dir}/x'), 'verify': ('verify', '{in}', '{dir}/x'),
            'diff': ('diff', '{dir}/../good.gguf', '{dir}/x'), 'diff folder': ('diff', '{good}', '{dir}/x'), 'run': ('run', '{dir}/x', '-p', 'a', '-n', '1'),
            'inspect': ('inspect', '{dir}/x')}[kind] + more


THINGS = {'a FIFO': os.mkfifo, '/dev/zero': link('/dev/zero'), 'a link to itself': loop, 'a folder': folder}
SPARSE = {'1 TB of zeros': sparse(TERABYTE)}

PATHS = [
    *(case(f'{kind} of {name}', beside('x', by), '/x', exit=(1,) if kind == 'check' and by not in (loop, folder) else (65, 66), command=of(kind), also=())
      for kind in ('quantize', 'imatrix', 'recipe', 'text', 'ids', 'tokenize', 'verify', 'check', 'diff', 'run', 'inspect')
      for name, by in (THINGS | SPARSE).items()),
    *(case(f'{name} is {what}', replaced(name, by), name, exit=(65, 66))
      for name in ('config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json')
      for what, by in (THINGS | SPARSE).items()),
    *(case(f'generation_config.json, which nobody reads, is {what}', replaced('generation_config.json', by), exit=0)
      for what, by in (THINGS | SPARSE).items()),
    *(case(f'chat_template.jinja is {what}', replaced('chat_template.jinja', by), 'chat_template.jinja', exit=(65, 66))
      for what, by in (THINGS | SPARSE).items()),
    *(case(f'{what} is the index', replaced('model.safetensors.index.json', by), 'model.safetensors.index.json', exit=(65, 66))
      for what, by in (THINGS | SPARSE).items()),
    *(case(f'a model called {name!r}', nothing, '', exit=(64, 65, 66), command=('quantize', name, '-o', '{out}', *TYPE), also=())
      for name in ('', '.', '/', '/dev/stdin', '/proc/self/mem', '/dev/null', '/proc/self/fd/0', 'a\nb', '\x1b[2J\x1b[31m', 'x' * 5000,
                   '../' * 1000, '~', '-', 'http://localhost/model', '{in}/config.json', '{in}/model.safetensors',
                   '{dir}/../good.gguf/', '{in}/nothing.gguf', '\udcff\udcfe', '\u202egpj.fugg')),
    case('1 TB behind a header', replaced('model.safetensors', sparse(TERABYTE, struct.pack('<Q', 2) + b'{}')), 'model.safetensors'),
    case('1 TB of a header', replaced('model.safetensors', sparse(TERABYTE, struct.pack('<Q', TERABYTE - 8) + b'{')), 'model.safetensors'),
    case('folders as deep as a path can be', then(lambda f: deep(f)), '', exit=(65, 66), command=('quantize', '{dir}/' + 'd/' * 300, '-o', '{out}', *TYPE), also=()),
]


def deep(path):
    at = os.open(path.parent, os.O_RDONLY)
    for _ in range(300):
        os.mkdir('d', dir_fd=at)
        below = os.open('d', os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)


def raw_config(**members):
    """config.json, members of which are text that json.dumps would not write."""
    def make(model):
        text = json.dumps({**model.config, **{key: f'@{key}@' for key in members}})
        for key, value in members.items():
            text = text.replace(f'"@{key}@"', value)
        model.files['config.json'] = text.encode()
    return make


def wrapped(before, after):
    def make(model):
        model.files['config.json'] = before + json.dumps(model.config).encode() + after
    return make


def rope(**fields):
    return config(rope_scaling={'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0,
                                'original_max_position_embeddings': 64, **fields})


CONFIGS = [
    *(case(f'config.json: {key} of {value[:40]}', raw_config(**{key: value}), 'config.json: byte ') for key in ('hidden_size', 'rope_theta')
      for value in ('1e999', '-1e999', '9' * 400, '1' + '0' * 100_000, 'NaN', 'Infinity', '0x100', '+1', '01', '.5', '1.', '"\\ud800"',
                    '[' * 900 + ']' * 900, '{"a":' * 5000 + '1' + '}' * 5000, '')),
    *(case(f'config.json: {key} of -0', raw_config(**{key: '-0'}), key) for key in ('hidden_size', 'rope_theta')),
    case('config.json: a mark of byte order', wrapped(b'\xef\xbb\xbf', b''), 'config.json', exit=(0, 65)),
    case('config.json: in UTF-16', lambda model: config_text(json.dumps(model.config).encode('utf-16'))(model), 'config.json'),
    *(case(f'config.json: {name}', wrapped(b'', after), 'config.json') for name, after in (
        ('another one behind it', b'{}'), ('NUL behind it', b'\0'), ('a comma behind it', b','), ('a comment behind it', b'// x'),
        ('a brace behind it', b'}'))),
    case('config.json: spaces behind it', wrapped(b'', b' \n' * 500_000), exit=0),
    case('config.json: a comma too many', lambda model: config_text(json.dumps(model.config)[:-1].encode() + b',}')(model), 'config.json'),
    case('config.json: a member twice in a member', raw_config(rope_scaling='{"factor":1,"factor":2}'), 'factor'),
    case('config.json: a member of NUL', raw_config(model_type='"llama\\u0000"'), 'config.json', exit=(0, 65)),
    case('config.json: a million members', lambda model: model.config.update({f'k{i}': i for i in range(1_000_000)}), 'config.json: expected at most'),
    case('attention_bias of a folder that has none', config(attention_bias=True), '$.attention_bias: expected false'),
    case('text_config that is a list', config(text_config=[]), 'config.json', exit=(0, 65)),
    case('text_config of another model', config(text_config={'model_type': 'gemma3_text', 'hidden_size': 1}), '', exit=(0, 65)),
    case('two architectures', config(architectures=['LlamaForCausalLM', 'Gemma3ForCausalLM']), 'config.json', exit=(0, 65)),
    case('an architecture of a megabyte', config(architectures=['x' * 2**20], model_type='x' * 2**20), 'config.json'),
    case('an architecture of terminal codes', config(architectures=['\x1b[2J\n\rX'], model_type='\x1b]0;x\x07'), 'config.json'),
    case('another model_type', config(model_type='gemma3_text'), '', exit=(0, 65)),
    *(case(f'{key} of {value!r}', config(**{key: value}), key.split('.')[0]) for key, value in (
        ('num_attention_heads', 2**31 - 1), ('num_key_value_heads', 2**31), ('num_key_value_heads', -1), ('head_dim', 2**31 - 1),
        ('head_dim', 31), ('vocab_size', 2**31 - 1), ('vocab_size', 2**40), ('hidden_size', 2**31 - 1), ('intermediate_size', 2**62),
        ('max_position_embeddings', 2**63), ('max_position_embeddings', 0))),
    *(case(f'rope_scaling: {fields}', rope(**fields), 'rope_scaling') for fields in (
        {'factor': 0}, {'factor': -8}, {'factor': '8'}, {'low_freq_factor': 0},
        {'high_freq_factor': 0}, {'original_max_position_embeddings': 0}, {'original_max_position_embeddings': -1},
        {'original_max_position_embeddings': 2**62}, {'rope_type': 'none such'})),
    *(case(f'rope_scaling that the published code takes: {fields}', rope(**fields), exit=0)
      for fields in ({'low_freq_factor': 4.0}, {'low_freq_factor': 5.0}, {'rope_type': 'yarn', 'beta_fast': 0})),
    case('rope_scaling: factor 1e300', rope(factor=1e300), '', exit=(0, 65)),
    case('rope_scaling: factor 1e-300', rope(factor=1e-300), '', exit=(0, 65)),
    case('eos_token_id: a million', config(eos_token_id=[1] * 1_000_000), '', exit=(0, 65)),
]


def model_json(**fields):
    return tokenizer(lambda content: content['model'].update(fields))


def top(**fields):
    return tokenizer(lambda content: content.update(fields))


def pre(*parts):
    return top(pre_tokenizer={'type': 'Sequence', 'pretokenizers': list(parts)})


SPLIT = {'type': 'Split', 'behavior': 'Isolated', 'invert': False}
PRE = ('tokenize', '{in}', '--pre', 'llama-bpe', '--text', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab')
ENDS = dict(exit=(0, 64, 65), also=(PRE, ('tokenize', '{in}', '--text', 'The cat ' * 50)))

TOKENIZERS = [
    *(case(f'pre-tokenizer {pattern[:30]!r}', regex(pattern), '', **ENDS) for pattern in (
        '', '(?=)', '(?=a)', '^', '$', '\\b', '(a+)+$', '(?R)', '(?0)', '(?C1)', '(*LIMIT_MATCH=4000000000)(a+)+$', '(*UTF)(a|aa)+$',
        '((((((((((a*)*)*)*)*)*)*)*)*)*)$', '(', '[', '\\p{', '\\p{Nope}', '(?<=a{1,100000})b', 'a{65536}', '(a{1000}){1000}',
        '(' * 5000 + ')' * 5000, 'x' * 2_000_000, '\\K', 'a\\Kb', '(?<n>a)(?<n>b)', '\\1', '(*ACCEPT)', '(*COMMIT)a', '\\C', '\0', '\ud7ff')),
    case('10,000 pre-tokenizers', pre(*[{**SPLIT, 'pattern': {'Regex': 'a'}}] * 10_000), '', **ENDS),
    case('pre-tokenizers in one another', pre(json.loads('{"type":"Sequence","pretokenizers":[' * 150 + ']}' * 150)), '', **ENDS),
    case('a normalizer that replaces nothing', top(normalizer={'type': 'Replace', 'pattern': {'String': ''}, 'content': 'xx'}), '', **ENDS),
    case('a normalizer that grows', top(normalizer={'type': 'Sequence', 'normalizers': [
        {'type': 'Replace', 'pattern': {'String': 'a'}, 'content': 'aa'}] * 60}), '', **ENDS),
    case('a normalizer that prepends 10 MB', top(normalizer={'type': 'Prepend', 'prepend': 'x' * 10**7}), '', **ENDS),
    case('an added token of nothing', tokenizer(lambda content: content['added_tokens'].append(
        {'id': 1024, 'content': '', 'special': True})), '', **ENDS),
    case('100,000 added tokens', tokenizer(lambda content: content['added_tokens'].extend(
        {'id': 2000 + i, 'content': 'a' * 50 + str(i), 'special': True} for i in range(100_000))), '', **ENDS),
    case('a template around texts of a token that is none', top(post_processor={
        'type': 'TemplateProcessing', 'single': [{'SpecialToken': {'id': '<nobody>', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}],
        'special_tokens': {'<nobody>': {'id': '<nobody>', 'ids': [2**33], 'tokens': ['<nobody>']}}}), 'expected a token of the vocabulary'),
    case('a token of 10 MB', tokenizer(lambda content: content['model']['vocab'].update({'a' * 10**7: 1024})), '', **ENDS),
    case('merges all the same', tokenizer(lambda content: content['model'].update(merges=[content['model']['merges'][0]] * 100_000)), '', **ENDS),
    case('merges of a token with itself', tokenizer(lambda content: content['model']['merges'].append('a a')), '', **ENDS),
    case('merges of three parts', tokenizer(lambda content: content['model']['merges'].append('a b c')), '', **ENDS),
    case('merges of no parts', tokenizer(lambda content: content['model']['merges'].append('')), '', **ENDS),
    case('merges in lists of one', tokenizer(lambda content: content['model']['merges'].append(['a'])), '', **ENDS),
    *(case(f'ids {number!r} of added tokens', file('tokenizer_config.json', json.dumps({'added_tokens_decoder': {
        number: {'content': 'x', 'special': True}}}).encode()), '', **ENDS)
      for number in ('-1', '1e9', 'abc', '99999999999999999999', '', '0x10', '4294967296', ' 5', '５')),
    case('tokenizer_config.json of a list', file('tokenizer_config.json', b'[]'), '', **ENDS),
    case('a template of a list of a million', file('tokenizer_config.json', json.dumps({'chat_template': [
        {'name': f'n{i}', 'template': 'x'} for i in range(1_000_000)]}).encode()), '', **ENDS),
    case('a template twice', file('tokenizer_config.json', b'{"chat_template": "a", "chat_template": "b"}'), '', **ENDS),
]

RECIPES = {  # what is said, and the exit code
    'nothing': (b'', '', 0), 'an unknown field': (b'colour: "red"', 'no field named', 64),
    'a field twice': (b'type: "Q4_0" type: "Q8_0"', 'multiple times', 64), 'bytes': (bytes(range(256)) * 10, 'line 1', 64),
    'NUL': (b'type: "Q4_0"\0', 'line 1', 64), 'an unknown type': (b'type: "Q9_9"', 'Q9_9', 64),
    '100,000 braces': (b'tensor_type {' * 100_000, 'line 1', 64), '100,000 brackets': (b'type: ' + b'[' * 100_000, 'line 1', 64),
    'a number that is too large': (b'seed: 99999999999999999999999', 'line 1', 64),
    'a text without an end': (b'type: "Q4_0', 'line 1', 64), 'bad UTF-8': (b'type: "\xff\xfe"', '', 64),
    'escapes': (b'type: "\\x00\\377"', '', 64), 'a line of 50 MB': (b'type: "' + b'Q' * 50_000_000 + b'"', 'at most', 65),
    'a comment of 50 MB': (b'#' * 50_000_000, 'at most', 65), 'a binary one': (b'\x0a\x04Q4_0', 'line 2', 64),
    'another message': (b'[type.googleapis.com/x.Y] { a: 1 }', 'line 1', 64),
}

OPTIONS = [
    *(case(f'{option} {value}', nothing, '', exit=(64,), command=(*QUANTIZE, *([] if option == '--fit' else []), option, value), also=())
      for option, values in {
          '--tensor-type': ('(', '(=Q4_0', 'x', '=Q4_0', 'down=', 'down=Q99', '\\p{{=Q4_0', 'nothing-has-this=Q8_0', 'a{{99999}}=Q8_0'),
          '--memory': ('-1', '0', '0.4', '1e30GB', '99999999999999999999', 'GB', '', '1XB', 'nan', '0x10'),
          '--threads': ('-1', '1e9', '99999999999', '', 'x', '2147483648'),
          '--seed': ('x', '', '-1', '+1', '1.5', '0x10', '18446744073709551616'),
          '--calibration-ctx': ('-1', 'x', '', '4294967296', '99999999999999999999'), '--calibration-chunks': ('-1', 'x', '', '4294967296', '9223372036854775808'),
          '--context': ('-1', 'x', '', '9223372036854775808'), '--type': ('', 'q', 'Q4_0\n', '../x', '\x1b[31m'), '--method': ('', 'magic'),
          '--transform': ('', 'awq=nan', 'awq=-1', 'awq=1e999', 'hadamard+hadamard', '+', 'awq='),
          '--max-shard-size': ('-1', 'x', '', '0', '0GB', '1e30GB'), '--pre': ('',), '--token-embedding-type': ('',), '--output-tensor-type': ('',), '--imatrix': ('',), '--work-dir': ('',), '--save-recipe': ('',), '--format': ('', 'x')}.items() for value in values),
    case('--tensor-type that is catastrophic', nothing, '', exit=(0, 64, 65), command=(*QUANTIZE, '--tensor-type', '([a-z.]+)+([0-9a-z._]+)+$x=Q8_0'), also=()),
    *(case(f'--fit {size}', nothing, '', exit=(64,), command=('quantize', '{in}', '-o', '{out}', '--force', '--fit', size), also=())
      for size in ('0', '1', '1e300GB', '-5GB', 'x', '18446744073709551615GB')),
    *(case(f'--work-dir: {name}', beside('w', by), exit=73, command=(*QUANTIZE, '--calibration-text', '{dir}/t', '--calibration-ctx', '8', '--memory', '1KiB', '--work-dir', '{dir}/w'), says='--work-dir', also=())
      for name, by in (('missing', lambda path: content(b'The cat sat. ' * 200)(path.parent / 't')),
                       ('a file', lambda path: (content(b'x')(path), content(b'The cat sat. ' * 200)(path.parent / 't'))),
                       ('a full device', lambda path: (link('/dev/full')(path), content(b'The cat sat. ' * 200)(path.parent / 't'))))),
]

MANIFEST = 'out.gguf.manifest.json'


def victim(name):
    """A link where the program writes leads to another's file, which must stay as it is."""
    return then(lambda f: (content(OLD)(f.parent / 'victim'), (f.parent / name).symlink_to('victim')))


OUTPUTS = [
    *(case(f'{name} is a link to a file', victim(name), '', exit=(0, 73, 74), stays=(name,), also=())
      for name in ('out.gguf.part', 'out.gguf.part.journal', MANIFEST, MANIFEST + '.part')),
    *(case(f'{name} is {what}', beside(name, by), '', exit=(0, 73, 74), stays=(name,), also=())
      for name in ('out.gguf.part', 'out.gguf.part.journal', MANIFEST) for what, by in (('a FIFO', os.mkfifo), ('a folder', folder), ('a link to itself', loop))),
    case('the output is a hard link of the input', beside('same.gguf', hard_link), '', exit=(73,), command=('quantize', '{in}', '-o', '{dir}/same.gguf', *TYPE), also=()),
    case('the output is the calibration text', beside('t.gguf', content(b'The cat sat. ' * 200)), '', exit=(73, 64), command=('quantize', '{in}', '-o', '{dir}/t.gguf', *TYPE, '--calibration-text', '{dir}/t.gguf', '--calibration-ctx', '8'), also=()),
    case('the output is the recipe', beside('t.gguf', content(b'type: "Q4_0"')), '', exit=(73, 64), command=('quantize', '{in}', '-o', '{dir}/t.gguf', '--force', '--recipe', '{dir}/t.gguf'), also=()),
    case('the recipe is written over config.json', nothing, '', exit=(73, 64), command=(*QUANTIZE, '--save-recipe', '{in}/config.json'), also=()),
    case('the recipe is written over the weights', nothing, '', exit=(73, 64), command=(*QUANTIZE, '--save-recipe', '{in}/model.safetensors'), also=()),
    case('the recipe is written over the output', nothing, '', exit=(73, 64), command=(*QUANTIZE, '--save-recipe', '{out}'), also=()),
    case('the recipe in no folder', nothing, '', exit=(73, 74), command=(*QUANTIZE, '--save-recipe', '{dir}/none/r'), also=()),
    *(case(f'an output called {name!r}', nothing, '', exit=code, command=('quantize', '{in}', '-o', name, *TYPE), also=())
      for name, code in (('/dev/full', (64, 73, 74)), ('/dev/stdout', (64, 73, 74)), ('{dir}/a\nb.gguf', (0,)), ('{dir}/..', (64, 73)), ('{dir}/x.gguf/', (64, 73)),
                         ('{dir}/\udcff.gguf', (0,)), ('/', (64, 73)), ('-', (0, 64, 73)))),
]


def json_key(key, kind, value):
    return lambda f: f.set(key, kind, value)


ALL = (('inspect', '{in}'), ('tokenize', '{in}', '--text', 'a cat'), ('check', '{in}'), ('run', '{in}', '-p', 'a', '-n', '2'))
GGUFS = [case(name, make, says, code, kind='gguf', also=ALL) for name, make, says, code in (
    ('a name of terminal codes', json_key('general.name', wire.STRING, '\x1b[2J\x1b]0;pwned\x07\n'), '', (0, 65)),
    ('an architecture of 60 KB', json_key('general.architecture', wire.STRING, 'x' * 60_000), 'general.architecture', 65),
    ('a norm of Q8_0', lambda f: retyped(f, 'output_norm.weight', 8, 8 * 34), '', (0, 65)),
    ('a norm of I8', lambda f: retyped(f, 'output_norm.weight', 24, 256), 'output_norm', 65),
    ('an embedding of F64', lambda f: retyped(f, 'token_embd.weight', 28, 1024 * 256 * 8), '', (0, 65)),
    ('an embedding of I32', lambda f: retyped(f, 'token_embd.weight', 26, 1024 * 256 * 4), 'token_embd', 65),
    ('tokens that are all the same', json_key('tokenizer.ggml.tokens', wire.ARRAY, (wire.STRING, ['a'] * 1024)), '', (0, 65)),
    ('tokens that are empty', json_key('tokenizer.ggml.tokens', wire.ARRAY, (wire.STRING, [''] * 1024)), '', (0, 65)),
    ('scores of NaN', json_key('tokenizer.ggml.scores', wire.ARRAY, (wire.F32, [float('nan')] * 1024)), '', (0, 65)),
    ('a vocabulary called rwkv', json_key('tokenizer.ggml.model', wire.STRING, 'rwkv'), '', (0, 65)),
    ('a vocabulary called llama', json_key('tokenizer.ggml.model', wire.STRING, 'llama'), '', (0, 65)),
    ('a pre-tokenizer that nobody knows', json_key('tokenizer.ggml.pre', wire.STRING, '../../etc'), '', (0, 65)),
    ('merges without a space', json_key('tokenizer.ggml.merges', wire.ARRAY, (wire.STRING, ['ab'] * 10)), '', (0, 65)),
    ('merges of spaces', json_key('tokenizer.ggml.merges', wire.ARRAY, (wire.STRING, ['   '] * 10)), '', (0, 65)),
    ('a million merges', json_key('tokenizer.ggml.merges', wire.ARRAY, (wire.STRING, ['a b'] * 1_000_000)), '', (0, 65)),
    ('split.count of 0', json_key('split.count', wire.U16, 0), '', (0, 65)),
    ('split.count as text', json_key('split.count', wire.STRING, 'x'), 'split.count', 65),
    ('split.no of -1', lambda f: (f.set('split.no', wire.I32, -1), f.set('split.count', wire.U16, 2)) and None, '', (65, 66)),
    ('context_length 0', json_key('llama.context_length', wire.U32, 0), 'llama.context_length', (0, 65)),
    ('context_length 2^32-1', json_key('llama.context_length', wire.U32, 2**32 - 1), '', (0, 65)),
    ('rope factors of 0', lambda f: f.tensors.append(wire.GgufTensor('rope_freqs.weight', [16], 0, bytes(64))), 'rope_freqs', 65),
    ('rope factors of NaN', lambda f: f.tensors.append(wire.GgufTensor('rope_freqs.weight', [16], 0, f32(*[float('nan')] * 16))), 'rope_freqs', 65),
    ('file_type 10^9', json_key('general.file_type', wire.U32, 10**9), '', (0, 65)),
    ('an epsilon of 0', json_key('llama.attention.layer_norm_rms_epsilon', wire.F32, 0.0), '', (0, 65)),
    ('a frequency of 1e-38', json_key('llama.rope.freq_base', wire.F32, 1e-38), '', (0, 65)),
)]


def retyped(file, name, kind, size):
    tensor = file.tensor(name)
    tensor.kind, tensor.data = kind, bytes(size)


def ids(dtype, shape, data=None, name='input_ids'):
    tensor = Tensor(dtype, shape, data)
    head = json.dumps({name: {'dtype': dtype, 'shape': shape, 'data_offsets': [0, len(tensor.data)]}}).encode()
    return content(struct.pack('<Q', len(head)) + head + tensor.data)


def numbers(*values):
    return struct.pack(f'<{len(values)}q', *values)


OTHERS = [
    *(case(f'ids: {name}', beside('x', by), '/x', exit=(64, 65), command=of('ids'), also=()) for name, by in (
        ('negative', ids('I64', [1, 2], numbers(0, -1))), ('past the vocabulary', ids('I64', [1, 2], numbers(0, 1024))),
        ('2^63-1', ids('I64', [1, 1], numbers(2**63 - 1))), ('floats', ids('F32', [1, 2])), ('a vector', ids('I64', [2])),
        ('none', ids('I64', [1, 0])), ('no rows', ids('I64', [0, 5])), ('another name', ids('I64', [1, 2], name='x')),
        ('32 bits', ids('I32', [1, 2])))),
    case('ids: no file', says='/x', exit=66, command=of('ids'), also=()),
    *(case(f'manifest: {name}', then(lambda f, text=text: (content(text)(f.parent / 'm.gguf.manifest.json'), (f.parent / 'm.gguf').write_bytes((f.parent.parent / 'good.gguf').read_bytes()))),
           '', exit=(1, 65, 66), command=('check', '{dir}/m.gguf'), also=()) for name, text in (
        ('nothing', b''), ('a list', b'[]'), ('deep', b'{"a":' * 100_000), ('numbers', b'{"tensors": 7}'), ('bytes', bytes(range(256))),
        ('another file', b'{"output": {"path": "../../../etc/passwd"}}'))),
]

CASES = [*PATHS, *CONFIGS, *TOKENIZERS, *OPTIONS, *OUTPUTS, *GGUFS, *OTHERS,
         *(case(f'recipe: {name}', beside('x', content(text)), says, code, command=of('recipe'), also=())
           for name, (text, says, code) in RECIPES.items())]
