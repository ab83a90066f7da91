"""The tokenizer's files, and its template: lines 73 to 81."""
import json

from checkpoint import Tensor, bf16
from suite import Case

TOKENIZER, CONFIG = 'tokenizer.json', 'tokenizer_config.json'
EMBEDDING = 'model.embed_tokens.weight'
SAY_TOKENS = (('tokenize', '{in}', '--text', 'The cat'), ('inspect', '{in}'))


def tokenizer(change):
    """tokenizer.json, changed as an object."""
    def make(model):
        content = model.json(TOKENIZER)
        change(content)
        model.put_json(TOKENIZER, content)
    return make


def vocabulary(change):
    return tokenizer(lambda content: change(content['model']['vocab']))


def merges(change):
    return tokenizer(lambda content: change(content['model']['merges']))


def special(**fields):
    def make(model):
        model.config.update(fields)
        for name in (CONFIG, 'generation_config.json', 'special_tokens_map.json'):
            model.files.pop(name, None)
    return make


def file(name, content):
    def make(model):
        model.files[name] = content
    return make


def embedding_rows(rows):
    def make(model):
        model.config['vocab_size'] = rows
        model.tensors[EMBEDDING] = Tensor('BF16', (rows, 256), bf16(0.5, rows * 256))
    return make


def added(*tokens):
    return tokenizer(lambda content: content['added_tokens'].extend(
        {'id': number, 'content': text, 'special': True} for number, text in tokens))


def template(text):
    def make(model):
        content = model.json(CONFIG)
        content['chat_template'] = text
        model.put_json(CONFIG, content)
    return make


def regex(pattern):
    return tokenizer(lambda content: content['pre_tokenizer']['pretokenizers'][0]['pattern'].update(Regex=pattern))


def varint(number):
    parts = []
    while number >= 128:
        parts.append(number % 128 + 128)
        number //= 128
    return bytes([*parts, number])


def message(field, content):
    return varint(field * 8 + 2) + varint(len(content)) + content


def piece(text, kind):
    return message(1, message(1, text.encode()) + b'\x15' + bytes(4) + b'\x18' + varint(kind))


def sentencepiece(*pieces, rows=3):
    """tokenizer.model instead of tokenizer.json, with <unk> and these pieces."""
    def make(model):
        embedding_rows(rows)(model)
        for name in (TOKENIZER, CONFIG, 'generation_config.json', 'special_tokens_map.json'):
            model.files.pop(name, None)
        model.config.update(bos_token_id=0, eos_token_id=0)
        model.files['tokenizer.model'] = (piece('<unk>', 2) + b''.join(piece(*one) for one in pieces)
                                          + message(2, b'\x18\x02'))
    return make


def sentencepiece_bytes(content):
    def make(model):
        sentencepiece()(model)
        model.files['tokenizer.model'] = content
    return make


INJECTION = "{{ ''.__class__.__mro__[1].__subclasses__() }}\n{{ cycler.__init__.__globals__.os.popen('id').read() }}"

CASES = [
    Case(73, 'fewer tokens than rows of the embedding', embedding_rows(1030), '6 padding tokens were added', exit=0),
    Case(73, 'more tokens than rows of the embedding', embedding_rows(1000), 'tokenizer.json: expected token ids below 1000'),
    Case(73, 'one token more than rows', embedding_rows(1023), 'tokenizer.json: expected token ids below 1023'),
    Case(74, 'bos 1024', special(bos_token_id=1024), 'config.json: $.bos_token_id: expected an id below 1024'),
    Case(74, 'eos 2^31', special(eos_token_id=2**31), 'config.json: $.eos_token_id'),
    Case(74, 'eos -1, which says that there is none', special(eos_token_id=-1), exit=0),
    Case(74, 'eos text', special(eos_token_id='end'), 'config.json: $.eos_token_id'),
    Case(74, 'eos a list that has one too many', special(eos_token_id=[1, 9999]), 'config.json: $.eos_token_id[1]'),
    Case(75, 'id of two tokens', vocabulary(lambda v: v.update({'b': v['a']})), 'expected one token for each id'),
    Case(75, 'id that no token has', vocabulary(lambda v: v.pop('zz', v.pop('ing', None))), TOKENIZER),
    Case(75, 'added token with the id of another', added((5, '<|five|>')), TOKENIZER),
    Case(75, 'added token far behind', added((5000, '<|far|>')), 'tokenizer.json: expected token ids below'),
    Case(76, 'id 2^31', vocabulary(lambda v: v.update({'b': 2**31})), 'tokenizer.json: expected token ids below'),
    Case(76, 'id 2^32-1', vocabulary(lambda v: v.update({'b': 2**32 - 1})), 'tokenizer.json: expected token ids below'),
    Case(76, 'id 2^64', vocabulary(lambda v: v.update({'b': 2**64})), 'tokenizer.json'),
    Case(76, 'id -1', vocabulary(lambda v: v.update({'b': -1})), 'tokenizer.json: $.model.vocab.b'),
    Case(76, 'id 1.5', vocabulary(lambda v: v.update({'b': 1.5})), 'tokenizer.json: $.model.vocab.b'),
    Case(76, 'added id 2^31', added((2**31, '<|far|>')), 'tokenizer.json: expected token ids below'),
    Case(76, 'id 2^31 in tokenizer_config.json, which is not asked', file(CONFIG, json.dumps(
        {'added_tokens_decoder': {str(2**31): {'content': 'x'}}}).encode()), exit=0),
    *(Case(77, f'SentencePiece {text}', sentencepiece((text, 6), ('a', 1)), f"expected a byte token as <0x41>, found '{text}'")
      for text in ('<0x-1>', '<0xZZ>', '<0x>', '<0x100>', '<0X41', '')),
    Case(77, 'SentencePiece that is whole', sentencepiece(('<0x0A>', 6), ('a', 1)), exit=0),
    Case(77, 'SentencePiece cut', sentencepiece_bytes(piece('<unk>', 2)[:-3]), 'tokenizer.model'),
    Case(77, 'SentencePiece of nothing', sentencepiece_bytes(b''), 'tokenizer.model'),
    Case(77, 'SentencePiece of a length past the end', sentencepiece_bytes(b'\x0a\xff\xff\xff\xff\x07'), 'tokenizer.model'),
    Case(77, 'SentencePiece 10,000 groups deep', sentencepiece_bytes(b'\x0b' * 10_000), 'tokenizer.model'),
    Case(78, 'merge of an absent token', merges(lambda m: m.insert(0, 'qqqq zzzz')), '$.model.merges[0]: expected two tokens'),
    Case(78, 'merge that gives an absent token', merges(lambda m: m.insert(0, '! !')), '$.model.merges[0]'),
    Case(78, 'merge of one', merges(lambda m: m.insert(0, 'h')), '$.model.merges[0]'),
    Case(78, 'merge of nothing', merges(lambda m: m.insert(0, '')), '$.model.merges[0]'),
    Case(78, 'merge of three in a list', merges(lambda m: m.insert(0, ['h', 'e', 'l'])), '$.model.merges[0]'),
    Case(78, 'merge of a number', merges(lambda m: m.insert(0, 7)), '$.model.merges[0]'),
    Case(78, 'merges of an object', tokenizer(lambda c: c['model'].update(merges={})), '$.model.merges'),
    Case(79, 'catastrophic regex', regex('(a+)+$'), '$.pre_tokenizer: expected a pre-tokenizer that is known'),
    Case(79, 'regex of a megabyte', regex('(' * 2**20), '$.pre_tokenizer'),
    Case(79, 'regex that is a number', regex(7), 'tokenizer.json'),
    Case(79, 'a megabyte of one letter, in a known regex', lambda model: None, exit=0, kind='folder',
         command=('tokenize', '{in}', '--text', 'a' * 100_000), also=()),
    Case(80, '100 MB template', file('chat_template.jinja', b'x' * 10**8), 'chat_template.jinja: expected at most'),
    Case(80, '100 MB tokenizer.json', file(TOKENIZER, b'{"x": "' + b'x' * 10**8 + b'"}'), TOKENIZER),
    Case(80, '100 MB tokenizer_config.json', template('x' * 10**8), CONFIG + ': expected at most'),
    Case(80, '20 MB template', file('chat_template.jinja', b'x' * 20_000_000), exit=0),
    Case(81, 'template injection', template(INJECTION), '__class__', exit=0),
    Case(81, 'template injection in a file of its own', file('chat_template.jinja', INJECTION.encode()), '__class__', exit=0),
    Case(81, 'template of no UTF-8', file('chat_template.jinja', b'\xff\xfe{{'), 'the chat template: byte 0: expected text in UTF-8'),
    Case(81, 'template with NUL', file('chat_template.jinja', b'a\0b'), exit=0),
    Case(81, 'template that is a number', template(7), CONFIG),
    *(Case(75, f'tokenizer.json: {name}', file(TOKENIZER, content), TOKENIZER) for name, content in (
        ('nothing', b''), ('no JSON', b'tokens'), ('cut', b'{"model": {"vocab": {"a"'), ('a list', b'[]'),
        ('deep', b'{"model":' * 100_000), ('null', b'null'), ('no model', b'{}'), ('bad UTF-8', b'{"\xff": 1}'),
        ('LFS pointer', b'version https://git-lfs.github.com/spec/v1\n'))),
    *(Case(75, f'tokenizer.json: {path} is {value!r}', tokenizer(lambda content, path=path, value=value: content['model'].update({path: value})),
           '' if (path, value) in (('type', None), ('merges', [])) else TOKENIZER, exit=0 if (path, value) in (('type', None), ('merges', [])) else 65)
      for path in ('type', 'vocab', 'merges') for value in (None, 7, 'x', [], [[]], {'x': 'y'})),
]


def more(suite):
    def template_is_copied():
        outcome = suite.run('convert', suite.work / 'templated', '-o', suite.work / 'templated.gguf', '--quiet')
        outcome.require(outcome.code == 0, 'expected exit 0')
        content = (suite.work / 'templated.gguf').read_bytes()
        outcome.require(INJECTION.encode() in content, 'expected the template as it is')

    model = suite.folder.copy()
    template(INJECTION)(model)
    model.write(suite.work / 'templated')
    suite.check(81, 'the template is copied verbatim', template_is_copied)
