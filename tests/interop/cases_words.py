"""Folders of GPTQ and AWQ: linears packed here as those formats' publishers pack them, and the same values as F32."""
import json

import gguf
import numpy as np
from cases_forms import tensors_of, write
from lane import Miss, expect_equal, relative_difference, require

GROUP = 32
AWQ_OUTPUTS = [0, 2, 4, 6, 1, 3, 5, 7]  # of a word's eight
# By what a folder of it is called: method, bits, whether there are zero points, whether groups are in another order.
KINDS = {'gptq': ('gptq', 4, True, False), 'gptq-sym-act': ('gptq', 4, False, True), 'gptq-8': ('gptq', 8, True, True),
         'gptq_v2': ('gptq_v2', 4, True, True), 'gptq_v2-8': ('gptq_v2', 8, False, False),
         'awq': ('awq', 4, True, False)}
MODELS = ('llama3', 'qwen2', 'qwen3_moe', 'deepseek_v3')  # plain; with biases; of experts; of fused latents


def run(lane):
    zoo = {model.name: model for model in lane.zoo()}
    for name in MODELS:
        for kind in KINDS:
            lane.check(f'{name}, {kind}: values', same_values, lane, zoo[name], kind)
    lane.check('llama3, gptq: a folder of it', same_folder, lane, zoo['llama3'], 'gptq-sym-act')
    lane.check('llama3, awq: logits', same_logits, lane, zoo['llama3'], 'awq')


def made(lane, model, kind):
    """Folders of words, and of what they mean."""
    folders = lane.work / f'{model.name}-{kind}', lane.work / f'{model.name}-{kind}-dense'
    if not folders[0].exists():
        packed, dense = pack_model(require(model), *KINDS[kind])
        config = json.loads((model.folder / 'config.json').read_text())
        method, bits, has_zeros, act_order = KINDS[kind]
        quantization = {'quant_method': method.partition('_')[0], 'bits': bits, 'group_size': GROUP}
        if method == 'awq':
            quantization |= {'version': 'gemm', 'zero_point': True}
        else:
            quantization |= {'checkpoint_format': method, 'sym': not has_zeros, 'desc_act': act_order}
        for folder, tensors, more in zip(folders, (packed, dense), ({'quantization_config': quantization}, {})):
            folder.mkdir()
            write(folder / 'model.safetensors', tensors)
            (folder / 'config.json').write_text(json.dumps(config | more))
            (folder / 'tokenizer.json').symlink_to(model.folder / 'tokenizer.json')
    return folders


def same_values(lane, model, kind):
    ours, wanted = (values_of(lane.make((folder.name, 'f32'), 'convert', folder, '--dtype', 'f32'))
                    for folder in made(lane, model, kind))
    expect_equal(ours.keys(), wanted.keys(), 'tensors')
    for name, value in ours.items():
        if not np.array_equal(value, wanted[name]):
            raise Miss(f'{name}: up to {relative_difference(value, wanted[name]):.3g} of the largest value off')


def same_folder(lane, model, kind):
    """Encoded anew for a folder, words and their values give the same."""
    written = []
    for folder in made(lane, model, kind):
        out = lane.work / f'{folder.name}-mxfp4'
        lane.run('quantize', folder, '-o', out, '--type', 'MXFP4', '--method', 'rtn')
        written.append({name: tensor for name, tensor in tensors_of(out).items() if '_proj' in name})
    expect_equal(written[0], written[1], 'tensors')


def same_logits(lane, model, kind):
    ids = model.golden()['input_ids']
    ours, wanted = (lane.logits(folder, ids)['logits'] for folder in made(lane, model, kind))
    expect_equal(ours.tobytes(), wanted.tobytes(), 'logits')


def values_of(path):
    return {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in gguf.GGUFReader(path).tensors}


# Packing.


def pack_model(folder, method, bits, has_zeros, act_order):
    random = np.random.default_rng(7)
    packed, dense = {}, {}
    for name, (dtype, shape, data) in tensors_of(folder).items():
        module, _, parameter = name.rpartition('.')
        if not module.endswith('_proj') or parameter != 'weight':
            packed[name] = dense[name] = (dtype, shape, data)
            continue
        weight = floats(dtype, data).reshape(shape).T  # [in, out]
        groups = np.arange(len(weight)) // GROUP
        if act_order:
            random.shuffle(groups)
        codes, zeros, scales, values = quantize(weight, groups, bits, has_zeros)
        parts = {'scales': scales}
        if method == 'awq':
            order = np.arange(shape[0]).reshape(-1, 8)[:, AWQ_OUTPUTS].reshape(-1)
            parts |= {'qweight': words(codes[:, order], bits), 'qzeros': words(zeros[:, order], bits)}
        else:
            stored = zeros - 1 if method == 'gptq' else zeros
            parts |= {'qweight': words(codes.T, bits).T, 'qzeros': words(stored, bits)}
            parts['g_idx'] = groups.astype(np.int32)
            parts['bias'] = np.zeros(shape[0], np.float16)  # AutoGPTQ writes one for every linear
        for part, value in parts.items():
            kind = {'int32': 'I32', 'uint32': 'I32', 'float16': 'F16'}[value.dtype.name]
            packed[f'{module}.{part}'] = (kind, list(value.shape), np.ascontiguousarray(value).tobytes())
        dense[name] = ('F32', shape, np.ascontiguousarray(values.T).tobytes())
    for name, tensor in dense.items():  # over the zeros
        if name.endswith('.bias'):
            packed[name] = tensor
    return packed, dense


def floats(dtype, data):
    if dtype == 'BF16':
        return (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, {'F32': np.float32, 'F16': np.float16}[dtype]).astype(np.float32)


def quantize(weight, groups, bits, has_zeros):
    """Codes [in, out], zero points and scales [groups, out], and the values [in, out] that they mean."""
    count, top = groups.max() + 1, 2**bits - 1
    low, high = (np.stack([extreme(weight[groups == group], axis=0) for group in range(count)])
                 for extreme in (np.min, np.max))
    if has_zeros:
        scales = (np.maximum(high - low, 1e-4) / top).astype(np.float16)
        zeros = np.clip(np.round(-low / scales.astype(np.float32)), 1, top).astype(np.int64)
    else:
        scales = (np.maximum(np.maximum(-low, high), 1e-4) * 2 / top).astype(np.float16)
        zeros = np.full_like(low, 2**(bits - 1), dtype=np.int64)
    wide = scales.astype(np.float32)
    codes = np.clip(np.round(weight / wide[groups]) + zeros[groups], 0, top).astype(np.int64)
    return codes, zeros, scales, (codes - zeros[groups]).astype(np.float32) * wide[groups]


def words(values, bits):
    """Numbers of the last axis, the first in the lowest bits."""
    per = 32 // bits
    shifted = values.astype(np.uint32).reshape(len(values), -1, per) << (np.arange(per, dtype=np.uint32) * bits)
    return np.bitwise_or.reduce(shifted, axis=2).astype(np.uint32)
