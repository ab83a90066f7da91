#!/usr/bin/env python3
"""Compares `nibble tokenize` with the libraries that own the published tokenizers: the ids must be the same.

usage: tokenizers_vs_libraries.py --nibble BIN --data DIR --work DIR [--zoo DIR] [--strings N] [--seed N] [--only WORD]

--data     published tokenizers and texts (tokenizers/llama3/tokenizer.json, ..., texts/*)
--work     a folder for temporary files
--zoo      checkpoints (kimi_k2/tiktoken.model), skipped where it is not given
--strings  random Unicode strings (10000); --only  the tokenizers that have WORD in their name

For every tokenizer a checkpoint of zeros is made with its files, and used from the folder and from a GGUF on the random
strings and on the texts. All of it goes through one call, with a special token between the pieces: what stands beside one
is encoded as if it stood alone. Where a text has what looks like a special token, it is cut: not all libraries know them.
Needs what requirements.txt names. The last line counts the checks; exits with 1 if any failed.
"""
import argparse
import base64
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys

import sentencepiece
import tiktoken
import tiktoken_ext.openai_public
import tokenizers
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

HIDDEN = 32  # of the checkpoints of zeros
SHOWN = 3  # differences that are printed of each check

# Kimi's published Python code has its regex; no file does.
KIMI = '|'.join([
    r'[\p{Han}]+',
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r'\p{N}{1,3}', r' ?[^\s\p{L}\p{N}]+[\r\n]*', r'\s*[\r\n]+', r'\s+(?!\S)', r'\s+',
])


# The texts.

def characters(*ranges):
    return [chr(code) for first, last in ranges for code in range(first, last + 1)]


POOLS = [
    characters((0x20, 0x7E)),
    list(" \n\t\r \u00a0\u3000\u2003\u0085\u180e'\"sSdDmMtTlLrReEvV.,!?0123456789/abcXYZ"),
    characters((0xA0, 0x5FF)),
    characters((0x900, 0x11FF)),
    characters((0x3040, 0x30FF), (0x4E00, 0x4EFF)) + list('12 .,a'),
    characters((0x1F300, 0x1F6FF)) + list(' \u200d\ufe0f'),
    characters((0xAC00, 0xACFF), (0x1100, 0x11FF)),
    characters((0x300, 0x36F)) + list('aeiouAEIOU '),
    characters((0x2000, 0x23FF)) + list(' ab\n'),
    characters((0, 0xD7FF), (0xE000, 0x10FFFF)),
]


def random_strings(count, seed):
    """Most draw their characters from one pool, the others from all."""
    generator = random.Random(seed)
    strings = []
    for _ in range(count):
        pool, length = generator.randrange(len(POOLS) + 2), generator.randrange(1, 40)
        strings.append(''.join(generator.choice(POOLS[pool] if pool < len(POOLS) else generator.choice(POOLS))
                               for _ in range(length)))
    return strings


def read_pieces(path):
    """The text, cut at whatever may be a special token of some tokenizer."""
    text = path.read_bytes().decode('utf-8')
    return [piece for piece in re.split(r'<\|[^<>|]*\|>|</?s>|<unk>|<pad>|\[/?[A-Z_]+\]', text) if piece]


# The libraries. Each of these makes a function from text to ids.

def by_tokenizers(path):
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def by_vocab_and_merges(folder):
    tokenizer = tokenizers.ByteLevelBPETokenizer(str(folder / 'vocab.json'), str(folder / 'merges.txt'))
    return lambda text: tokenizer.encode(text).ids


def by_sentencepiece(path):
    return sentencepiece.SentencePieceProcessor(model_file=str(path)).encode


def read_ranks(path):
    return {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, path.read_bytes().splitlines())}


def by_tiktoken(ranks, pattern):
    encoding = tiktoken.Encoding('local', pat_str=pattern, mergeable_ranks=read_ranks(ranks), special_tokens={})
    return encoding.encode_ordinary


def by_openai(name, ranks):
    """tiktoken's own definition, with ranks that are here instead of fetched."""
    tiktoken_ext.openai_public.load_tiktoken_bpe = lambda *_, **__: read_ranks(ranks)
    return tiktoken.Encoding(**getattr(tiktoken_ext.openai_public, name)()).encode_ordinary


def by_mistral_common(path):
    tokenizer = Tekkenizer.from_file(path)
    return lambda text: tokenizer.encode(text, bos=False, eos=False)


def split_regex(path):
    """The regex of a tokenizer.json that has one."""
    steps = json.loads(path.read_text())['pre_tokenizer']['pretokenizers']
    return next(step['pattern']['Regex'] for step in steps if step['type'] == 'Split')


# The tokenizers under test.

class Case:
    """Files of a tokenizer, a special token of it, and {library: text to ids}."""

    def __init__(self, name, files, special, libraries, options=()):
        self.name, self.files, self.special, self.libraries, self.options = name, files, special, libraries, options


def unpack_tekken(repacked, target):
    """tekken.json as it is published, from a file that has the same ranks as one line."""
    source = json.loads(repacked.read_text())
    ranks = source['bpe_ranks'].split()[2:]
    vocab = [{'rank': rank, 'token_bytes': token, 'token_str': None} for rank, token in enumerate(ranks)]
    target.write_text(json.dumps({'config': source['config'], 'vocab': vocab}))
    return target


def cases(data, zoo, work):
    for name, special, more in (
        ('gpt-oss', '<|endoftext|>', lambda: {'tiktoken': by_openai('o200k_base', data / 'tiktoken/o200k_base.tiktoken')}),
        ('deepseek_v3', '<｜end▁of▁sentence｜>', dict),
        ('llama3', '<|end_of_text|>', lambda: {'tiktoken': by_tiktoken(
            data / 'llama3/tokenizer.model', split_regex(data / 'llama3/tokenizer.json'))}),
        ('qwen3', '<|endoftext|>', dict),
        ('llama2', '</s>', dict),
    ):
        files = [data / name / file for file in ('tokenizer.json', 'tokenizer_config.json')]
        yield Case(name, files, special, {'tokenizers': by_tokenizers(files[0])} | more())
    files = [data / 'llama3/tokenizer.model', data / 'llama3/tokenizer_config.json']
    yield Case('llama3 ranks', files, '<|end_of_text|>', {'tokenizers': by_tokenizers(data / 'llama3/tokenizer.json')},
               ['--pre', 'llama-bpe'])
    yield Case('gpt2', [data / 'gpt2/vocab.json', data / 'gpt2/merges.txt'], '<|endoftext|>', {
        'tokenizers': by_vocab_and_merges(data / 'gpt2'),
        'tiktoken': by_openai('r50k_base', data / 'tiktoken/r50k_base.tiktoken')})
    for name, file in (('llama2 model', 'llama2/tokenizer.model'), ('mistral', 'mistral/mistral_v3.model')):
        renamed = work / name / 'tokenizer.model'
        renamed.parent.mkdir(parents=True)
        shutil.copyfile(data / file, renamed)
        yield Case(name, [renamed], '</s>', {'sentencepiece': by_sentencepiece(renamed)})
    tekken = unpack_tekken(data / 'mistral/tekken_240718.json', work / 'tekken.json')
    yield Case('tekken', [tekken], '</s>', {'mistral-common': by_mistral_common(tekken)})
    kimi = zoo and zoo / 'kimi_k2'
    if kimi and kimi.exists():
        yield Case('kimi_k2', [kimi / 'tiktoken.model', kimi / 'tokenizer_config.json'], '[EOS]',
                   {'tiktoken': by_tiktoken(kimi / 'tiktoken.model', KIMI)})


# The program under test.

class Nibble:
    def __init__(self, binary, work):
        self.binary, self.work = binary.resolve(), work

    def run(self, *command):
        done = subprocess.run([str(self.binary), *map(str, command)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f'nibble {" ".join(map(str, command))}\n{done.stderr[-1000:]}\nexit code {done.returncode}')
        return done.stdout

    def encode(self, model, special, pieces, options):
        """A list of ids for each piece."""
        path = self.work / 'text'
        path.write_bytes(special.join(['', *pieces, '']).encode())
        ids = json.loads(self.run('tokenize', model, '--file', path, '--json', *options))['ids']
        separator, results = ids[0], [[]]
        for token in ids[1:]:
            if token == separator:
                results.append([])
            else:
                results[-1].append(token)
        return results[:-1]


def count_tokens(files):
    """Rows that an embedding needs for the tokenizer in these files."""
    name = files[0].name
    if name == 'tokenizer.json':
        tokenizer = json.loads(files[0].read_text())
        return 1 + max([*tokenizer['model']['vocab'].values(), *(token['id'] for token in tokenizer['added_tokens'])])
    if name == 'tekken.json':
        return json.loads(files[0].read_text())['config']['default_vocab_size']
    if name == 'vocab.json':
        return len(json.loads(files[0].read_text()))
    if files[-1].name == 'tokenizer_config.json':
        return 1 + max(map(int, json.loads(files[-1].read_text())['added_tokens_decoder']))
    return sentencepiece.SentencePieceProcessor(model_file=str(files[0])).vocab_size()


def make_checkpoint(folder, files):
    """A Llama of one layer, all zeros, with a tokenizer."""
    rows = count_tokens(files)
    shapes = {'model.embed_tokens.weight': [rows, HIDDEN], 'model.norm.weight': [HIDDEN]}
    for part in ('input_layernorm', 'post_attention_layernorm'):
        shapes[f'model.layers.0.{part}.weight'] = [HIDDEN]
    for part in ('self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj', 'mlp.gate_proj',
                 'mlp.up_proj', 'mlp.down_proj'):
        shapes[f'model.layers.0.{part}.weight'] = [HIDDEN, HIDDEN]
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {'dtype': 'BF16', 'shape': shape, 'data_offsets': [end, end + size]}
        end += size
    folder.mkdir(parents=True)
    text = json.dumps(header).encode()
    with open(folder / 'model.safetensors', 'wb') as file:
        file.write(len(text).to_bytes(8, 'little') + text)
        file.truncate(8 + len(text) + end)
    config = {'architectures': ['LlamaForCausalLM'], 'model_type': 'llama', 'hidden_size': HIDDEN,
              'intermediate_size': HIDDEN, 'num_hidden_layers': 1, 'num_attention_heads': 1, 'rms_norm_eps': 1e-5,
              'max_position_embeddings': 128, 'vocab_size': rows, 'tie_word_embeddings': True}
    (folder / 'config.json').write_text(json.dumps(config))
    for file in files:
        shutil.copyfile(file, folder / file.name)


# The checks.

def compare(pieces, ours, wanted):
    """How many pieces differ; prints the first few."""
    differing = 0
    for piece, our, want in zip(pieces, ours, wanted, strict=True):
        if our == want:
            continue
        differing += 1
        if differing <= SHOWN:
            at = next((i for i, (a, b) in enumerate(zip(our, want)) if a != b), min(len(our), len(want)))
            print(f'  {ascii(piece[:60])} at token {at}: ours {our[at:at + 6]}, theirs {want[at:at + 6]}')
    return differing


def check(case, nibble, work, strings, texts):
    """(passed, failed)"""
    folder, gguf = work / f'{case.name} folder', work / f'{case.name}.gguf'
    make_checkpoint(folder, case.files)
    nibble.run('convert', folder, '-o', gguf, '--quiet', *case.options)
    pieces, parts = list(strings), {f'{len(strings)} random strings': slice(0, len(strings))}
    for name, more in texts.items():
        parts[name] = slice(len(pieces), len(pieces) + len(more))
        pieces += more
    passed = failed = 0
    wanted = {library: [encode(piece) for piece in pieces] for library, encode in case.libraries.items()}
    for source, model in (('folder', folder), ('GGUF', gguf)):
        ours = nibble.encode(model, case.special, pieces, case.options)
        if len(ours) != len(pieces):
            sys.exit(f'{case.name}: {case.special} stands in a text')
        for library, theirs in wanted.items():
            for what, part in parts.items():
                differing = compare(pieces[part], ours[part], theirs[part])
                if differing:
                    print(f'FAILED {case.name} from its {source}, {what}: {differing} differ from {library}')
                passed, failed = passed + (not differing), failed + bool(differing)
        print(f'{case.name} from its {source}: compared with {", ".join(wanted)}', flush=True)
    shutil.rmtree(folder)
    gguf.unlink()
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--nibble', type=pathlib.Path, required=True)
    parser.add_argument('--data', type=pathlib.Path, required=True)
    parser.add_argument('--work', type=pathlib.Path, required=True)
    parser.add_argument('--zoo', type=pathlib.Path)
    parser.add_argument('--strings', type=int, default=10000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--only', default='')
    args = parser.parse_args()
    work = args.work / 'tokenizers'
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    nibble = Nibble(args.nibble, work)
    strings = random_strings(args.strings, args.seed)
    texts = {path.name: read_pieces(path) for path in sorted((args.data / 'texts').iterdir())}
    passed = failed = 0
    for case in cases(args.data / 'tokenizers', args.zoo, work):
        if args.only in case.name:
            counts = check(case, nibble, work, strings, texts)
            passed, failed = passed + counts[0], failed + counts[1]
    shutil.rmtree(work)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
