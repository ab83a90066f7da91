"""Every output in the programs that people run: llama.cpp loads it and continues a prompt, gguf-py decodes it."""
import json
import pathlib
import re
import subprocess
import sys

import gguf
import numpy as np
from lane import MIXES, REPOSITORY, TYPES, WIDE, Miss, expect_at_most, expect_equal, require

# Longer than the windows of the zoo's models.
PROMPT = 'Once upon a time there was a little girl who lived with her mother in a house near the sea, and'
NEW_TOKENS = 8

# llama.cpp rounds the activations to BF16 where the weights are, and on a sharp model that alone moves the likelihood
# of a token of one in a million by 6 %: there, only tokens that can matter are compared.
LEAST_LOG_PROBABILITY = {'F32': -np.inf, 'F16': -np.inf, 'BF16': np.log(0.001)}

# Where llama.cpp has a constant, and the zoo's model another value (docs/deviations.md names them): values with which
# the two must agree.
YARN_ROUNDED = {  # correction dimensions that are whole: 16 log2(201 / 2 pi) / 16 = 5, five less for 32 turns
    'rope_theta': 65536, 'rope_scaling.original_max_position_embeddings': 201}
AS_LLAMA_CPP_HAS_IT = {
    'mistral': {'sliding_window': None},
    'gemma3': {'query_pre_attn_scalar': 32},
    'llama4': {'attention_chunk_size': 8192, 'floor_scale': 8192},
    'gpt_oss': YARN_ROUNDED,
    'gpt_oss_mxfp4': YARN_ROUNDED,
    'kimi_k2': {'rope_scaling.beta_fast': 32.0},
    'kimi_k2_int4': {'rope_scaling.beta_fast': 32.0},
}


def run(lane):
    for model in lane.zoo():
        if model.name in AS_LLAMA_CPP_HAS_IT:
            lane.check(f'{model.name}: docs/deviations.md names the constant', is_named, model)
            changed = lane.changed(model, AS_LLAMA_CPP_HAS_IT[model.name])
            answers = llama_cpp(lane, changed, WIDE) if model.folder else {}
            for kind in WIDE:
                lane.check(f'{changed.name} {kind}: llama.cpp runs it', runs, lane, changed, kind, answers)
    for model in [*lane.zoo(), lane.own()]:
        answers = llama_cpp(lane, model, TYPES + MIXES) if model.folder else {}
        for kind in TYPES + MIXES:
            lane.check(f'{model.name} {kind}: llama.cpp runs it', runs, lane, model, kind, answers)
            lane.check(f'{model.name} {kind}: gguf-py decodes what we decode', decodes_alike, lane, model, kind)


def is_named(model):
    text = (REPOSITORY / 'docs/deviations.md').read_text().split('## Constants')[-1]
    if not re.search(rf'^\|[^|]*\b{model.name}\b', text, re.MULTILINE):
        raise Miss(f'no row for {model.name} under "Constants"')


def llama_cpp(lane, model, kinds):
    """What llama.cpp answers to PROMPT, by path. A file at which it dies has no answer, nor have those behind it."""
    paths = [str(path) for _, path in lane.outputs(model, kinds) if isinstance(path, pathlib.Path)]
    worker = pathlib.Path(__file__).with_name('ask_llama_cpp.py')
    done = subprocess.run([sys.executable, worker, PROMPT, str(NEW_TOKENS), *paths], capture_output=True, text=True,
                          timeout=1800)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line['path']: line for line in lines}


def runs(lane, model, kind, answers):
    require(model)
    path = lane.quantized(model, kind)
    answer = answers.get(str(path), {'error': 'it died at this file or before'})
    if 'error' in answer:
        raise Miss(answer['error'])
    if kind in WIDE and model.name not in AS_LLAMA_CPP_HAS_IT:
        expect_at_most(largest_difference(lane, path, answer['tokens'], LEAST_LOG_PROBABILITY[kind]), 0.05)


def largest_difference(lane, path, steps, least):
    """Between llama.cpp's and our log-probabilities, over the ten likeliest tokens of every step."""
    prompt = lane.tokens(path, PROMPT, '--add-special')
    continued = prompt + [step['id'] for step in steps[:-1]]
    logits = lane.logits(path, [continued])['logits'][0, len(prompt) - 1:].astype(np.float64)
    ours = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return max(abs(ours[at, token] - theirs) for at, step in enumerate(steps) for token, theirs in step['top']
               if theirs >= least)


def decodes_alike(lane, model, kind):
    path = lane.quantized(model, kind)
    wide = lane.make((model.name, kind, 'f32'), 'convert', path, '--dtype', 'f32')
    theirs, ours = gguf.GGUFReader(path).tensors, {t.name: t for t in gguf.GGUFReader(wide).tensors}
    expect_equal(sorted(ours), sorted(t.name for t in theirs), 'tensors')
    for tensor in theirs:
        mine = ours[tensor.name]
        if mine.tensor_type == tensor.tensor_type:  # F32; MXFP4, which `convert` keeps
            expect_equal(mine.data.tobytes() == tensor.data.tobytes(), True, f'bytes of {tensor.name} are equal')
            continue
        decoded = np.ascontiguousarray(gguf.quants.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        wrong = np.flatnonzero(decoded.view(np.uint32).ravel() != mine.data.view(np.uint32).ravel())
        if wrong.size:
            raise Miss(f'{tensor.name} {tensor.tensor_type.name}: {wrong.size} values differ, first at {wrong[0]}')
    wide.unlink()
