#!/usr/bin/env python3
"""Serves nibble's folders from vLLM and compares log-probabilities with `nibble logits` of the same folder.

usage: folders_vs_vllm.py --nibble BIN --work DIR --text FILE [--only WORD] MODEL...

MODEL    a Hugging Face folder; --text  what is predicted; --work  a folder for temporary files
--only   the cases that have WORD in "MODEL KIND"

Of every model the published folder (the control) and one of each type are loaded by vllm.LLM, without options that say how
they are quantized, and what vLLM's tokenizer makes of the text must be what `nibble tokenize` does. Prints of each case the
mean KLD between the two, over the 20 likeliest tokens and the rest as one, and how often both have the same likeliest token.

vLLM runs on the CPU, where its INT4 is computed in BF16; everything else is in float32. It has no FP4 kernel for CPUs:
here it gets one, which decodes what vLLM's loader hands its Marlin kernel. Of experts it runs here only those that are
not quantized. Linears that vLLM fuses, of different types, are a case that passes if it refuses them.
Needs what requirements-vllm.txt names. The last line counts the cases; exits with 1 if any failed.
"""
import argparse
import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import traceback

os.environ |= {
    'HF_HUB_OFFLINE': '1', 'VLLM_NO_USAGE_STATS': '1', 'VLLM_LOGGING_LEVEL': 'ERROR', 'VLLM_CPU_KVCACHE_SPACE': '1',
    'VLLM_ENABLE_V1_MULTIPROCESSING': '0', 'VLLM_CPU_OMP_THREADS_BIND': 'nobind',
}
import numpy as np
import torch
import vllm
import vllm.model_executor.kernels.linear as kernels
from safetensors.numpy import load_file, save_file
from vllm.model_executor.kernels.linear.mxfp4.base import MxFp4LinearKernel
from vllm.model_executor.kernels.linear.nvfp4.base import NvFp4LinearKernel
from vllm.platforms import PlatformEnum

TOP = 20
WINDOWS, LENGTH = 4, 48
# And the largest mean KLD. The controls have 2e-5 to 8e-4, and 2e-13 to 5e-10.
BFLOAT16, FLOAT32 = ('bfloat16', 3e-3), ('float32', 1e-7)
BUDGET = '1.2 times INT4_G128'  # stands for so many bytes
KINDS = {
    'published': ([], FLOAT32),
    'published in BF16': ([], BFLOAT16),
    'INT4_G32': (['--type', 'INT4_G32'], BFLOAT16),
    'INT4_G128': (['--type', 'INT4_G128'], BFLOAT16),
    'MXFP4': (['--type', 'MXFP4'], FLOAT32),
    'NVFP4': (['--type', 'NVFP4'], FLOAT32),
    'mixed': (['--type', 'INT4_G32', '--tensor-type', 'attn_output=NVFP4', '--tensor-type', r'ffn_(down|.*_exps)=MXFP4'],
              BFLOAT16),
    'fit': (['--fit', BUDGET], BFLOAT16),
}
# A linear that vLLM fuses with another, of another type: what `quantize` warns of.
APART = ['--type', 'INT4_G32', '--tensor-type', 'ffn_up=BF16']
REFUSAL = 'vLLM requires all to use the same scheme'


# vLLM's part.

def decode_fp4(packed):
    """Values of codes, the low half of a byte first."""
    codes = torch.stack([packed & 15, packed >> 4], -1).flatten(-2)
    magnitudes = torch.tensor([0, .5, 1, 1.5, 2, 3, 4, 6])
    return magnitudes[(codes & 7).long()] * torch.where(codes > 7, -1.0, 1.0)


class Decoded:
    """The part of a kernel that both types share; their scales differ."""

    @classmethod
    def is_supported(cls, compute_capability=None):
        return True, None

    @classmethod
    def can_implement(cls, config):
        return True, None

    def process_weights_after_loading(self, layer):
        scales = self.scales(layer)
        groups = decode_fp4(layer.weight.data).unflatten(-1, (scales.shape[-1], -1))
        layer.decoded = (groups * scales[..., None]).flatten(-2)

    def apply_weights(self, layer, x, bias=None):
        return torch.nn.functional.linear(x, layer.decoded.to(x.dtype), bias)


class DecodedMxFp4(Decoded, MxFp4LinearKernel):
    @staticmethod
    def scales(layer):
        return torch.exp2(layer.weight_scale.data.float() - 127)


class DecodedNvFp4(Decoded, NvFp4LinearKernel):
    @staticmethod
    def scales(layer):
        return layer.weight_scale.data.float() * layer.weight_global_scale


kernels.register_linear_kernel(DecodedMxFp4, PlatformEnum.CPU, 'mxfp4')
# Else vLLM takes AMX where there is some: it rounds activations to 8 bits, and where a virtual machine does not let
# programs use it the kernel is an illegal instruction.
torch.cpu._is_amx_tile_supported = lambda: False
kernels.MarlinNvFp4LinearKernel = DecodedNvFp4  # what vLLM takes for weights alone, registered or not


def serve(folder, dtype, text, ids):
    """(ids of the text, {position of a window: {token: log-probability}} of each window)"""
    llm = vllm.LLM(model=str(folder), dtype=dtype, enforce_eager=True, max_model_len=64, max_num_seqs=WINDOWS,
                   enable_prefix_caching=False, disable_log_stats=True)
    wanted = vllm.SamplingParams(temperature=0, max_tokens=1, prompt_logprobs=TOP)
    outputs = llm.generate([{'prompt_token_ids': window} for window in ids], wanted, use_tqdm=False)
    tables = [[{token: value.logprob for token, value in position.items()} for position in output.prompt_logprobs[1:]]
              for output in outputs]
    return llm.get_tokenizer().encode(text, add_special_tokens=False), tables


def in_child(function, *args):
    """(result, None) or (None, error). vLLM's state is one per process; forking saves importing it again.

    Nothing here may compute with torch outside of a child: its threads do not survive a fork.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            answer = function(*args), None
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            answer = None, f'{type(error).__name__}: {error} ({where.filename}:{where.lineno})'
        with open(writer, 'wb') as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writer)
    with open(reader, 'rb') as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(data) if data else (None, 'it ended without an answer')


# nibble's part.

def run(nibble, *command):
    done = subprocess.run([str(nibble), *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'nibble {" ".join(map(str, command))}\n{done.stderr[-1000:]}\nexit code {done.returncode}')
    return done.stdout


def budget_of(nibble, model, folder):
    run(nibble, 'quantize', model, '-o', f'{folder}/', '--quiet', '--type', 'INT4_G128', '--method', 'rtn')
    size = (folder / 'model.safetensors').stat().st_size
    shutil.rmtree(folder)
    return int(1.2 * size)


def make(nibble, model, folder, options):
    """What vLLM is given. It takes every .safetensors for the model's: of a published folder only those that are."""
    shutil.rmtree(folder, ignore_errors=True)
    if options:
        budget = budget_of(nibble, model, folder) if BUDGET in options else None
        run(nibble, 'quantize', model, '-o', f'{folder}/', '--quiet',
            *(budget if option == BUDGET else option for option in options))
        return
    folder.mkdir()
    for path in model.iterdir():
        if path.suffix != '.safetensors' or path.name.startswith(('model', 'consolidated')):
            (folder / path.name).symlink_to(path.resolve())


def log_probabilities(nibble, folder, ids, work):
    save_file({'input_ids': np.array(ids, dtype=np.int64)}, work / 'ids.safetensors')
    run(nibble, 'logits', folder, '--ids', work / 'ids.safetensors', '-o', work / 'logits.safetensors', '--quiet')
    logits = load_file(work / 'logits.safetensors')['logits'].astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


# The cases.

def compare(ours, tables):
    """(mean KLD, share of positions with the same likeliest token)"""
    divergences, same = [], 0
    for window, positions in enumerate(tables):
        for at, table in enumerate(positions):
            tokens = sorted(table, key=table.get, reverse=True)
            p, q = ours[window, at, tokens], np.array([table[token] for token in tokens])
            p, q = (np.append(x, np.log(max(1e-12, 1 - np.exp(x).sum()))) for x in (p, q))
            divergences.append(float((np.exp(p) * (p - q)).sum()))
            same += int(ours[window, at].argmax()) == tokens[0]
    return np.mean(divergences), same / len(divergences)


def check(name, args, model, options, dtype, limit):
    folder = args.work / name.replace(' ', '-')
    make(args.nibble, model, folder, options)
    text = args.text.read_text()[:4000]
    ids = json.loads(run(args.nibble, 'tokenize', folder, '--text', text, '--json'))['ids']
    windows = [ids[i * LENGTH:(i + 1) * LENGTH] for i in range(WINDOWS)]
    answer, error = in_child(serve, folder, dtype, text, windows)
    if error:
        return f'vLLM: {error}'
    if answer[0] != ids:
        return f'token ids differ: {ids[:10]}..., vLLM {answer[0][:10]}...'
    divergence, same = compare(log_probabilities(args.nibble, folder, windows, args.work), answer[1])
    print(f'{name}: {dtype}, mean KLD {divergence:.3g}, the same token {same:.1%}', flush=True)
    shutil.rmtree(folder)
    return f'a mean KLD above {limit}' if not divergence <= limit else None


def check_refusal(name, args, model):
    folder = args.work / name.replace(' ', '-')
    make(args.nibble, model, folder, APART)
    _, error = in_child(serve, folder, 'bfloat16', 'text', [list(range(LENGTH))])
    shutil.rmtree(folder)
    if error and REFUSAL in error:
        print(f'{name}: refused', flush=True)
        return None
    return f'expected "{REFUSAL}", found {error or "that it was loaded"}'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--nibble', type=pathlib.Path, required=True)
    parser.add_argument('--work', type=pathlib.Path, required=True)
    parser.add_argument('--text', type=pathlib.Path, required=True)
    parser.add_argument('--only', default='')
    parser.add_argument('models', nargs='+', type=pathlib.Path)
    args = parser.parse_args()
    args.nibble, args.work = args.nibble.resolve(), args.work / 'vllm'
    args.work.mkdir(parents=True, exist_ok=True)
    passed = failed = 0
    for model in args.models:
        for kind in (*KINDS, 'apart'):
            name = f'{model.name} {kind}'
            if args.only not in name:
                continue
            try:
                if kind == 'apart':
                    miss = check_refusal(name, args, model)
                else:
                    options, (dtype, limit) = KINDS[kind]
                    miss = check(name, args, model, options, dtype, limit)
            except RuntimeError as error:
                miss = str(error)
            if miss:
                print(f'FAILED {name}: {miss[:2000]}', flush=True)
            passed, failed = passed + (not miss), failed + bool(miss)
    shutil.rmtree(args.work)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
