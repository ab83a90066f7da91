#!/usr/bin/env python3
"""Loads each GGUF in llama.cpp, continues a prompt greedily, and prints a line of JSON per file: its path and either
tokens [{id, top: [[id, log-probability], ...]}, ...] or error. A process of its own, since llama.cpp may abort.

usage: ask_llama_cpp.py PROMPT TOKENS FILE...
"""
import json
import os
import sys

prompt, count, paths = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
answers = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)  # llama.cpp logs to both streams

import xllamacpp  # noqa: E402


def ask(path):
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx, params.cpuparams.n_threads, params.warmup = 256, 2, False
    server = xllamacpp.Server(params)
    reply = server.handle_completions({'prompt': prompt, 'max_tokens': count, 'temperature': 0, 'logprobs': 10})
    reply = json.loads(reply) if isinstance(reply, str) else reply
    return [{'id': token['id'], 'top': [[top['id'], top['logprob']] for top in token['top_logprobs']]}
            for token in reply['choices'][0]['logprobs']['content']]


for path in paths:
    try:
        answer = {'tokens': ask(path)}
    except Exception as error:  # noqa: BLE001: a refusal, which the caller judges
        answer = {'error': f'llama.cpp refuses it: {error}'}
    print(json.dumps({'path': path, **answer}), file=answers, flush=True)
