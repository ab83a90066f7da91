#!/usr/bin/env python3
"""Makes a Llama folder in BF16 to measure speed with: random weights, heavy in the tails, and the tiny model's tokenizer.

usage: make_model.py TINY_MODEL OUT [--layers 16] [--sparse]

Sixteen layers are 0.84 billion parameters, 1.7 GB. With --sparse the weights are a hole in the file: zeros that take no
room, for measurements of memory.
"""
import argparse
import json
import pathlib
import shutil

import numpy as np

HIDDEN, INTERMEDIATE, VOCABULARY, HEADS, KEY_VALUE_HEADS = 2048, 5632, 32000, 32, 4
POOL = 1 << 24  # weights are stretches of as many random numbers


def shapes(layers):
    head = HIDDEN // HEADS
    yield 'model.embed_tokens.weight', (VOCABULARY, HIDDEN)
    for layer in range(layers):
        prefix = f'model.layers.{layer}.'
        for name, shape in (('input_layernorm', (HIDDEN,)), ('self_attn.q_proj', (HIDDEN, HIDDEN)),
                            ('self_attn.k_proj', (KEY_VALUE_HEADS * head, HIDDEN)),
                            ('self_attn.v_proj', (KEY_VALUE_HEADS * head, HIDDEN)),
                            ('self_attn.o_proj', (HIDDEN, HIDDEN)), ('post_attention_layernorm', (HIDDEN,)),
                            ('mlp.gate_proj', (INTERMEDIATE, HIDDEN)), ('mlp.up_proj', (INTERMEDIATE, HIDDEN)),
                            ('mlp.down_proj', (HIDDEN, INTERMEDIATE))):
            yield f'{prefix}{name}.weight', shape
    yield 'model.norm.weight', (HIDDEN,)
    yield 'lm_head.weight', (VOCABULARY, HIDDEN)


def bf16(values):
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7fff + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def header(layers):
    entries, end = {}, 0
    for name, shape in shapes(layers):
        begin, end = end, end + 2 * int(np.prod(shape))
        entries[name] = {'dtype': 'BF16', 'shape': shape, 'data_offsets': [begin, end]}
    text = json.dumps(entries).encode()
    text += b' ' * (-len(text) % 8)
    return len(text).to_bytes(8, 'little') + text, end


def write_weights(file, layers):
    random = np.random.default_rng(1)
    pool = bf16(0.02 * random.standard_t(5, POOL))
    for name, shape in shapes(layers):
        left = int(np.prod(shape))
        if len(shape) == 1:
            file.write(bf16(random.uniform(0.5, 1.5, left)).tobytes())
            continue
        while left:
            first = int(random.integers(POOL))
            stretch = pool[first:first + left]
            file.write(stretch.tobytes())
            left -= len(stretch)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('tiny_model', type=pathlib.Path)
    parser.add_argument('out', type=pathlib.Path)
    parser.add_argument('--layers', type=int, default=16)
    parser.add_argument('--sparse', action='store_true')
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for path in args.tiny_model.glob('*token*.json'):
        shutil.copy(path, args.out)
    config = json.loads((args.tiny_model / 'config.json').read_text())
    config.update(hidden_size=HIDDEN, intermediate_size=INTERMEDIATE, vocab_size=VOCABULARY, num_hidden_layers=args.layers,
                  num_attention_heads=HEADS, num_key_value_heads=KEY_VALUE_HEADS, head_dim=HIDDEN // HEADS,
                  tie_word_embeddings=False)
    (args.out / 'config.json').write_text(json.dumps(config, indent=2))
    part = args.out / 'model.part'
    with open(part, 'wb') as file:
        head, size = header(args.layers)
        file.write(head)
        if args.sparse:
            file.truncate(len(head) + size)
        else:
            write_weights(file, args.layers)
    part.rename(args.out / 'model.safetensors')  # last: a folder that has it is complete


if __name__ == '__main__':
    main()
