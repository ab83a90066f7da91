"""Folders of compressed-tensors in the libraries that own them: compressed-tensors itself, and transformers."""
import json

import gguf
import numpy as np
import torch
from compressed_tensors.compressors import BaseCompressor, ModelCompressor
from compressed_tensors.quantization import QuantizationConfig, apply_quantization_config
from compressed_tensors.utils.match import match_name
from lane import Miss, Model, Skip, expect_at_most, expect_equal, relative_difference
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, Mxfp4Config
from transformers.utils import logging

TYPES = {'INT4_G32': ['--type', 'INT4_G32'], 'INT4_G128': ['--type', 'INT4_G128'], 'MXFP4': ['--type', 'MXFP4'],
         'NVFP4': ['--type', 'NVFP4'],
         'mixed': ['--type', 'INT4_G32', '--tensor-type', 'attn_output=NVFP4',
                   '--tensor-type', r'ffn_(down|.*_exps)=MXFP4']}
# Every layout of linears that a folder can hold: with biases, tied, of experts, of FP8, kept as published.
MODELS = ('llama3', 'qwen2', 'qwen3', 'gemma3', 'mixtral', 'qwen3_moe', 'deepseek_v3', 'deepseek_v3_fp8', 'kimi_k2',
          'kimi_k2_int4')
# Where the library has a module for every linear; it has none for experts, which transformers stacks.
DENSE = ('llama3', 'qwen2', 'qwen3', 'gemma3')
AS = {'kimi_k2': 'deepseek_v3'}  # what transformers knows a model type as
LOGITS = 1e-2


def run(lane):
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    zoo = {model.name: model for model in lane.zoo()}
    for name in MODELS:
        for kind, options in TYPES.items():
            folder = lane.work / f'{name}-{kind}'
            lane.check(f'{name} {kind}: quantize', quantize, lane, zoo[name], folder, options)
            lane.check(f'{name} {kind}: compressed-tensors reads what nibble reads', same_values, lane, folder)
            lane.check(f'{name} {kind}: logits of transformers', same_logits, lane, zoo[name], folder)
            if name in DENSE:
                lane.check(f'{name} {kind}: the library\'s names and shapes', same_tensors, lane, zoo[name], folder)
    for model in lane.zoo():
        lane.check(f'{model.name} from a GGUF: logits of transformers', from_gguf, lane, model)
        lane.check(f'{model.name} from a GGUF: token ids of transformers', same_tokens, lane, model)
    for name in ('gpt_oss', 'gpt_oss_mxfp4'):
        lane.check(f'{name} as it is published: logits of transformers', mxfp4, lane, zoo[name])
    for name in ('llama3', 'qwen2'):
        for strategy in ('tensor', 'channel'):
            folder = lane.work / f'{name}-fp8-{strategy}'
            lane.check(f'{folder.name}: the library makes it', fp8, lane, zoo[name], strategy)
            lane.check(f'{folder.name}: compressed-tensors reads what nibble reads', same_values, lane, folder)
            lane.check(f'{folder.name}: logits of transformers', same_logits, lane, zoo[name], folder)


def from_gguf(lane, model):
    """The folder that convert makes of a GGUF."""
    if model.folder is None:
        raise Skip(f'no model {model.name}')
    if model.name == 'kimi_k2_int4':
        raise Skip('its INT4 is what kimi_k2_int4 INT4_G32 is')
    folder = lane.work / f'{model.name}-from-gguf'
    lane.run('convert', lane.converted(model, 'source'), '-o', folder)
    config = json.loads((folder / 'config.json').read_text())
    if 'quantization_config' in config:
        return compare_mxfp4(lane, model, folder)
    compare(lane, model, folder)


def same_tokens(lane, model):
    folder = lane.work / f'{model.name}-from-gguf'
    require(folder)
    text = lane.text('wiki.test.raw').read_text()[:20000]
    path = lane.work / 'some.txt'
    path.write_text(text)
    ours = json.loads(lane.run('tokenize', folder, '--file', path, '--json'))['ids']
    expect_equal(AutoTokenizer.from_pretrained(folder)(text, add_special_tokens=False)['input_ids'], ours, 'token ids')


def mxfp4(lane, model):
    """gpt-oss in its own layout, as transformers decodes it."""
    folder = lane.work / f'{model.name}-own'
    if model.folder is None:
        raise Skip(f'no model {model.name}')
    lane.run('quantize', model.folder, '-o', folder, '--format', 'mxfp4')
    compare_mxfp4(lane, model, folder)


def compare_mxfp4(lane, model, folder):
    compare(lane, model, folder, quantization_config=Mxfp4Config(dequantize=True))


def compare(lane, model, folder, **options):
    its, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True, **options)
    expect_equal({key: names for key, names in report.items() if names}, {}, 'what transformers cannot place')
    ids = model.golden()['input_ids']
    with torch.no_grad():
        theirs = its.float()(torch.from_numpy(ids)).logits.numpy()
    expect_at_most(relative_difference(lane.logits(folder, ids)['logits'], theirs), LOGITS)


def fp8(lane, model, strategy):
    """A folder that the library makes: each weight's largest value, of all or of its row, is FP8's largest."""
    if model.folder is None:
        raise Skip(f'no model {model.name}')
    weights = {'num_bits': 8, 'type': 'float', 'symmetric': True, 'strategy': strategy, 'dynamic': False}
    its = AutoModelForCausalLM.from_pretrained(model.folder)
    apply_quantization_config(its, QuantizationConfig.model_validate(
        {'config_groups': {'group_0': {'targets': ['Linear'], 'weights': weights}}, 'ignore': ['lm_head'],
         'quantization_status': 'compressed'}))
    for module in its.modules():
        if hasattr(module, 'weight_scale'):
            largest = module.weight.detach().abs().amax(None if strategy == 'tensor' else 1)
            module.weight_scale.data.copy_((largest / 448).reshape(module.weight_scale.shape))
    compressor = ModelCompressor.from_pretrained_model(its)
    compressor.compress_model(its)
    folder = lane.work / f'{model.name}-fp8-{strategy}'
    its.save_pretrained(folder)
    compressor.update_config(folder)
    for name in ('tokenizer.json', 'tokenizer_config.json'):
        (folder / name).symlink_to(model.folder / name)


def quantize(lane, model, folder, options):
    if model.folder is None:
        raise Skip(f'no model {model.name}')
    lane.run('quantize', model.folder, '-o', folder, *options)


def require(folder):
    if not folder.exists():
        raise Skip(f'no {folder.name}')


# Values.


def same_values(lane, folder):
    require(folder)
    dense = lane.work / f'{folder.name}-dense'
    decompress(folder, dense)
    ours, theirs = (values(lane, path) for path in (folder, dense))
    expect_equal(ours.keys(), theirs.keys(), 'tensors')
    for name, value in ours.items():
        if not np.array_equal(value, theirs[name]):
            raise Miss(f'{name}: up to {relative_difference(value, theirs[name]):.3g} of the largest value off')


def values(lane, folder):
    """{name: values} of the GGUF that nibble makes of a folder. The library computes in BF16, the scales' type."""
    path = lane.work / f'{folder.name}.gguf'
    lane.run('convert', folder, '-o', path, '--dtype', 'bf16')
    read = gguf.GGUFReader(path).tensors
    tensors = {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in read}
    path.unlink()
    return tensors


def decompress(folder, dense):
    """A folder of what compressed-tensors makes of each linear."""
    config = json.loads((folder / 'config.json').read_text())
    quantization = QuantizationConfig.model_validate(config.pop('quantization_config'))
    modules = {}
    for name, tensor in load_file(folder / 'model.safetensors').items():
        module, _, parameter = name.rpartition('.')
        modules.setdefault(module, {})[parameter] = tensor
    tensors = {}
    for module, parameters in modules.items():
        if 'weight_scale' in parameters:
            scheme = scheme_of(module, quantization)
            compressor = BaseCompressor.get_value_from_registry(scheme.format or quantization.format)
            packed = {name: parameters.pop(name) for name in list(parameters) if name.startswith('weight')}
            parameters['weight'] = compressor.decompress(packed, scheme)['weight'].contiguous()
        tensors |= {f'{module}.{name}': tensor for name, tensor in parameters.items()}
    dense.mkdir()
    save_file(tensors, dense / 'model.safetensors')
    (dense / 'config.json').write_text(json.dumps(config))


def scheme_of(module, quantization):
    """As the library matches linears: the one group with a target that fits, and nothing ignored that does."""
    fits = [scheme for scheme in quantization.config_groups.values()
            if any(target == 'Linear' or match_name(module, target) for target in scheme.targets)]
    if len(fits) != 1 or any(match_name(module, name) for name in quantization.ignore):
        raise Miss(f'{module}: {len(fits)} groups fit it, or it is ignored')
    return fits[0]


# Logits.


def same_logits(lane, model, folder):
    require(folder)
    if any('.experts.' in name and name.endswith(('.weight', 'global_scale')) for name in tensors_of(folder)):
        raise Skip('transformers 5.23 reads experts only if they are packed, and without a global scale')
    config = AutoConfig.from_pretrained(as_known(folder))
    its, report = AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32,
                                                       output_loading_info=True)
    expect_equal({key: names for key, names in report.items() if names}, {}, 'what transformers cannot place')
    ids = model.golden()['input_ids']
    its.hf_quantizer.compressor.decompress_model(its)
    torch.nn.Module.float(its)  # of FP4 the library makes BF16
    with torch.no_grad():
        theirs = its(torch.from_numpy(ids)).logits.numpy()
    ours = lane.logits(folder, ids)['logits']
    expect_at_most(relative_difference(ours, theirs), LOGITS)


def as_known(folder):
    config = json.loads((folder / 'config.json').read_text())
    if config['model_type'] not in AS:
        return folder
    known = folder / 'known'
    known.mkdir()
    (known / 'config.json').write_text(json.dumps(config | {'model_type': AS[config['model_type']]}))
    return known


# Names and shapes.


def same_tensors(lane, model, folder):
    require(folder)
    quantization = json.loads((folder / 'config.json').read_text())['quantization_config']
    its = AutoModelForCausalLM.from_pretrained(model.folder)
    apply_quantization_config(its, QuantizationConfig.model_validate(quantization))
    ModelCompressor.from_pretrained_model(its).compress_model(its)
    library = lane.work / f'{folder.name}-library'
    its.save_pretrained(library)
    expect_equal(tensors_of(folder), tensors_of(library), 'tensors')


def tensors_of(folder):
    with safe_open(folder / 'model.safetensors', 'pt') as file:
        slices = {name: file.get_slice(name) for name in file.keys()}
        return {name: (part.get_dtype(), part.get_shape()) for name, part in sorted(slices.items())}
