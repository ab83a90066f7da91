"""Whole jobs on real models: they end well, the container does not matter, and the loss stays where it should."""
import json
import re

import numpy as np
import sparse_experts
from lane import MIXES, TYPES, Miss, Model, Skip, expect_at_most, expect_equal, require, sha256
from safetensors.numpy import save_file

# The dtypes that hold the source's values exactly.
BF16 = ('source', 'bf16', 'f32')
EXACT = {'own': BF16, 'llama2': ('source', 'f16', 'f32'), 'gpt2': ('source', 'f32')} | dict.fromkeys(
    ('llama3', 'llama4', 'mistral', 'mixtral', 'qwen2', 'qwen3', 'qwen3_moe', 'gemma3', 'gpt_oss', 'deepseek_v3',
     'kimi_k2'), BF16)
# Mean KLD on wiki.test.raw, --ctx 64 --chunks 40.
KLD_BOUNDS = {'Q8_0': 1e-4, 'Q4_K_M': 0.004, 'MXFP4': 0.005, 'MXFP4_MOE': 0.005}
LLAMA = {'Q8_0': 1e-4, 'Q4_K_M': 0.001, 'MXFP4': 0.0015}
OTHER_KLD_BOUNDS = {'llama2': LLAMA, 'llama3': LLAMA, 'deepseek_v3': KLD_BOUNDS | {'Q8_0': 2e-4}}  # docs/deviations.md

EXPERTS_USED = {'mixtral': 2, 'qwen3_moe': 2, 'gpt_oss': 2, 'deepseek_v3': 2, 'kimi_k2': 2}
TEXT = 'exl3_c4.utf8'
PLANNED = ('llama3', 'qwen3_moe', 'deepseek_v3')  # a layer each of what memory is counted for: linears, experts, latents


def run(lane):
    for model in [*lane.zoo(), lane.own()]:
        for dtype in EXACT.get(model.name, ()):
            for kind in ('Q4_K_M', 'MXFP4', 'F16'):
                lane.check(f'{model.name} {kind}: the {dtype} GGUF gives the folder\'s bytes', same_bytes, lane, model,
                           dtype, kind)
    for model in lane.zoo():
        lane.check(f'{model.name}: mean KLD', divergence, lane, model)
        if model.name in EXPERTS_USED:
            lane.check(f'{model.name}: every token reaches its experts', coverage, lane, model)
    lane.check('experts go one at a time', experts_stream, lane)
    for model in [model for model in lane.zoo() if model.name in PLANNED]:
        for memory in ('1GiB', '1MiB'):
            lane.check(f'{model.name}, --memory {memory}: the plan\'s memory', planned_memory, lane, model, memory)
    for memory in ('1GiB', '1MiB'):
        lane.check(f'SmolLM2\'s shape, --memory {memory}: the plan\'s memory', planned_memory, lane,
                   like_smollm2(lane, Model('llama3', lane.shared and lane.shared / 'zoo/models/llama3')), memory)
    for model in lane.published():
        lane.check(f'{model.name}: inspect', lambda: lane.run('inspect', require(model)))
        lane.check(f'{model.name}: convert', lane.converted, model, 'source')
        for kind in TYPES + MIXES:
            lane.check(f'{model.name} {kind}: quantize and run', quantize_and_run, lane, model, kind)
        lane.check(f'{model.name}: verify every type', verify_all, lane, model)


def experts_stream(lane):
    """One expert's tensors at a time: all of a layer are 192 MiB."""
    folder = lane.work / 'sparse-experts'
    layer = sparse_experts.write(folder)
    for job, *options in (('convert',), ('quantize', '--type', 'Q4_0', '--method', 'rtn')):
        output = lane.work / 'sparse.gguf'
        told = lane.run(job, folder, '-o', output, *options)  # the system's own figure would include this process
        output.unlink()
        expect_at_most(float(re.search(r'peak memory +([\d.]+) MiB', told).group(1)) * 2**20, layer / 4)


def same_bytes(lane, model, dtype, kind):
    folder = lane.quantized(model, kind)
    via = lane.make((model.name, 'via', dtype, kind), 'quantize', lane.converted(model, dtype), '--type', kind)
    differences = json.loads(lane.ask('diff', folder, via, '--json'))
    expect_equal(differences.get('tensors', []), [], 'tensors')
    # It tells which files the model was read from.
    expect_equal([key['key'] for key in differences['keys']], ['nibble.manifest: sources'], 'keys')
    via.unlink()


def divergence(lane, model):
    bounds = OTHER_KLD_BOUNDS.get(model.name, KLD_BOUNDS)
    paths = [lane.quantized(model, kind) for kind in bounds]
    report = lane.verify(require(model), paths, '--text', lane.wiki(), '--ctx', '64', '--chunks', '40')
    for candidate, (kind, bound) in zip(report['candidates'], bounds.items(), strict=True):
        try:
            expect_at_most(candidate['kld']['mean'], bound)
        except Miss as error:
            raise Miss(f'{kind}: {error}') from None


def coverage(lane, model):
    """What calibrate and quantize tell of the tokens that each expert saw."""
    output, text = lane.work / 'coverage.gguf', lane.text(TEXT)
    calibrate = lane.run('calibrate', require(model), '--text', text, '--ctx', '128', '--chunks', '4', '--json', '-o',
                         output)
    output.unlink()
    quantize = lane.run('quantize', require(model), '--calibration-text', text, '--calibration-ctx', '128',
                        '--calibration-chunks', '4', '--type', 'MXFP4', '--json', '-o', output)
    output.unlink()
    for layers in json.loads(calibrate)['experts'], json.loads(quantize)['calibration']['experts']:
        if not layers:
            raise Miss('no layer of experts')
        for layer in layers:
            expect_equal(sum(layer['tokens']), EXPERTS_USED[model.name] * 4 * 128, f'tokens of layer {layer["layer"]}')


def planned_memory(lane, model, memory):
    """Never less than what is used, and the bytes do not depend on it."""
    output, text = lane.work / 'planned.gguf', lane.text(TEXT)
    options = (require(model), '--calibration-text', text, '--calibration-ctx', '256', '--calibration-chunks', '24',
               '--type', 'MXFP4', '--memory', memory, '--work-dir', lane.work, '--json', '-o', output, '--force')
    plan, done = (json.loads(lane.run(job, *options)) for job in ('plan', 'quantize'))
    print(f'  {model.name}, --memory {memory}: planned {plan["memory_bytes"] / 2**20:.1f} MiB and '
          f'{plan["work_file_bytes"] / 2**20:.1f} MiB on the disk, used {done["memory_bytes"] / 2**20:.1f} MiB')
    expect_at_most(done['memory_bytes'], plan['memory_bytes'])
    digest = sha256(output.read_bytes())
    expect_equal(lane.made.setdefault(('planned', model.name), digest), digest, 'sha256')


def like_smollm2(lane, model):
    """Two layers of SmolLM2-135M's shape, with random weights and another tokenizer."""
    if model.folder is None:
        return model
    folder = lane.work / 'like-smollm2'
    if not folder.exists():
        folder.mkdir()
        (folder / 'tokenizer.json').symlink_to(model.folder / 'tokenizer.json')
        config = json.loads((model.folder / 'config.json').read_text())
        config |= {'hidden_size': 576, 'intermediate_size': 1536, 'num_attention_heads': 9, 'num_key_value_heads': 3,
                   'num_hidden_layers': 2, 'rope_scaling': None}
        (folder / 'config.json').write_text(json.dumps(config))
        random = np.random.default_rng(1)
        tensors = {name: (random.standard_normal(shape) / 24).astype(np.float16) for name, shape in shapes(config)}
        save_file(tensors, folder / 'model.safetensors')
    return Model(folder.name, folder)


def shapes(config):
    hidden, length, keys = config['hidden_size'], config['intermediate_size'], 3 * 64
    yield 'model.embed_tokens.weight', (config['vocab_size'], hidden)
    yield 'model.norm.weight', (hidden,)
    for layer in range(config['num_hidden_layers']):
        for name, shape in (('input_layernorm', (hidden,)), ('post_attention_layernorm', (hidden,)),
                            ('self_attn.q_proj', (hidden, hidden)), ('self_attn.k_proj', (keys, hidden)),
                            ('self_attn.v_proj', (keys, hidden)), ('self_attn.o_proj', (hidden, hidden)),
                            ('mlp.gate_proj', (length, hidden)), ('mlp.up_proj', (length, hidden)),
                            ('mlp.down_proj', (hidden, length))):
            yield f'model.layers.{layer}.{name}.weight', shape


def quantize_and_run(lane, model, kind):
    path = lane.quantized(model, kind)
    if not lane.run('run', path, '-p', 'Once upon a time', '-n', '8').strip():
        raise Miss('it wrote nothing')


def verify_all(lane, model):
    paths = [lane.quantized(model, kind) for kind in TYPES + MIXES]
    report = lane.verify(require(model), paths, '--text', lane.text('tinystories_eval.txt'), '--ctx', '64', '--chunks',
                         '4')
    expect_equal(len(report['candidates']), len(paths), 'candidates')
    for path, candidate in zip(paths, report['candidates'], strict=True):
        if not 0 <= candidate['kld']['mean'] < 1:
            raise Miss(f'{path.name}: mean KLD {candidate["kld"]["mean"]}')
