"""What lies in the folder, and config.json: lines 34 to 60."""
import json
import os

from checkpoint import Tensor, bf16, f32
from suite import Case

DOWN = 'model.layers.0.mlp.down_proj.weight'
SECOND = 'model-00002-of-00002.safetensors'
INDEX = 'model.safetensors.index.json'


def shard_named(name):
    """The index leads one tensor to another name."""
    def make(model):
        index = model.shards()
        index['weight_map'][DOWN] = name
        model.put_json(INDEX, index)
    return make


def index(change):
    def make(model):
        content = model.shards()
        changed = change(content)
        model.put_json(INDEX, content if changed is None else changed)
    return make


def index_bytes(content):
    def make(model):
        model.shards()
        model.files[INDEX] = content
    return make


def linked(target):
    def make(model):
        model.shards()
        del model.files[SECOND]
        model.links[SECOND] = target
    return make


def fifo(model):
    model.shards()
    del model.files[SECOND]
    return lambda folder: os.mkfifo(folder / SECOND)


def fifo_for(name):
    def make(model):
        model.files.pop(name, None)
        if name == 'config.json':
            model.files['config.json'] = b''
        return lambda folder: ((folder / name).unlink(missing_ok=True), os.mkfifo(folder / name))
    return make


def hub_cache(model):
    model.shards()

    def link(folder):
        blobs = folder.parent / 'blobs'
        blobs.mkdir()
        for number, path in enumerate(sorted(folder.iterdir())):
            path.rename(blobs / str(number))
            path.symlink_to(f'../blobs/{number}')
    return link


def without(name):
    def make(model):
        model.shards()
        del model.files[name]
    return make


def both_missing(model):
    index = model.shards()
    for name in set(index['weight_map'].values()):
        del model.files[name]


def in_two(model):
    model.shards()
    names = list(model.tensors)
    model.files[SECOND] = model.safetensors(names=[*names[1::2], names[0]])


def unindexed(model):
    index = model.shards()
    del index['weight_map'][DOWN]
    model.put_json(INDEX, index)


def only(name, content=b'\x80\x02}q\x00.'):
    def make(model):
        model.files[name] = content
    return make


def renamed_shard(name):
    def make(model):
        index = model.shards()
        model.files[name] = model.files.pop(SECOND)
        index['weight_map'] = {key: name if file == SECOND else file for key, file in index['weight_map'].items()}
        model.put_json(INDEX, index)
    return make


def folder_named(name):
    def make(model):
        def rename(folder):
            os.rename(folder, os.path.join(os.fsencode(folder.parent), name))
            os.symlink(name, os.fsencode(folder))
        return rename
    return make


def config(**changes):
    def make(model):
        for key, value in changes.items():
            if value is ...:
                model.config.pop(key, None)
            else:
                model.config[key] = value
    return make


def config_text(content):
    def make(model):
        model.files['config.json'] = content
    return make


def reshaped(name, *shape, dtype='BF16'):
    def make(model):
        model.tensors[name] = Tensor(dtype, shape)
    return make


def removed(name):
    def make(model):
        del model.tensors[name]
    return make


def mixture(model, experts=3):
    """Makes it a Qwen3-MoE."""
    model.config.update(architectures=['Qwen3MoeForCausalLM'], model_type='qwen3_moe', num_experts=experts,
                        num_experts_per_tok=2, moe_intermediate_size=512, decoder_sparse_step=1, norm_topk_prob=True,
                        mlp_only_layers=[])
    prefix = 'model.layers.0.'
    parts = {name: model.tensors.pop(f'{prefix}mlp.{name}.weight') for name in ('gate_proj', 'up_proj', 'down_proj')}
    for expert in range(experts):
        for name, tensor in parts.items():
            model.tensors[f'{prefix}mlp.experts.{expert}.{name}.weight'] = tensor
    model.tensors[prefix + 'mlp.gate.weight'] = Tensor('BF16', (experts, 256), bf16(0.5, experts * 256))
    for name in ('q_norm', 'k_norm'):
        model.tensors[f'{prefix}self_attn.{name}.weight'] = Tensor('BF16', (32,), bf16(1, 32))


def expert(change):
    def make(model):
        mixture(model)
        change(model)
    return make


def extra_expert(model):
    for name in ('gate_proj', 'up_proj', 'down_proj'):
        model.tensors[f'model.layers.0.mlp.experts.3.{name}.weight'] = (
            model.tensors[f'model.layers.0.mlp.experts.0.{name}.weight'])


def extra_layer(model):
    for name, tensor in list(model.tensors.items()):
        if '.layers.0.' in name:
            model.tensors[name.replace('.0.', '.1.', 1)] = tensor


def fp8(model, scales=(2, 4), scale_dtype='F32', quantization=True, scale=True):
    """down_proj as FP8 in blocks of 128 x 128."""
    model.tensors[DOWN] = Tensor('F8_E4M3', (256, 512), b'\x38' * (256 * 512))
    if scale:
        count = scales[0] * (scales[1] if len(scales) > 1 else 1)
        model.tensors[DOWN + '_scale_inv'] = Tensor(scale_dtype, scales, f32(*[1] * count) if scale_dtype == 'F32' else None)
    if quantization:
        model.config['quantization_config'] = {'quant_method': 'fp8', 'weight_block_size': [128, 128]}


def int4(model, scales=(256, 16)):
    weights = {'num_bits': 4, 'type': 'int', 'symmetric': True, 'strategy': 'group', 'group_size': 32}
    model.config['quantization_config'] = {'quant_method': 'compressed-tensors', 'format': 'pack-quantized',
                                           'config_groups': {'group_0': {'weights': weights}}}
    del model.tensors[DOWN]
    model.tensors[DOWN + '_packed'] = Tensor('I32', (256, 64), b'\x99' * (256 * 256))
    if scales:
        model.tensors[DOWN + '_scale'] = Tensor('F32', scales, f32(*[1] * (scales[0] * scales[1])))


def mxfp4(model, scales=(256, 16)):
    model.config['quantization_config'] = {'quant_method': 'mxfp4'}
    del model.tensors[DOWN]
    model.tensors[DOWN + '_blocks'] = Tensor('U8', (256, 16, 16), b'\x22' * (256 * 256))
    if scales:
        model.tensors[DOWN + '_scales'] = Tensor('U8', scales, b'\x7f' * (scales[0] * scales[1]))


def with_form(form, **options):
    return lambda model: form(model, **options)


def quantization(**fields):
    def make(model):
        model.config['quantization_config'] = fields
    return make


def untied(model):
    """config.json says tied, and there is an lm_head that differs."""
    model.tensors['lm_head.weight'] = Tensor('BF16', (1024, 256), bf16(0.25, 1024 * 256))


def remote_code(model):
    model.config['auto_map'] = {'AutoModelForCausalLM': 'modeling_evil.Evil'}
    model.files['modeling_evil.py'] = b'open("/tmp/nibble-was-here", "w")\n'


UNPLACED = '$.weight_map.model.layers.0.mlp.down_proj.weight: expected the name of a file in the same folder'

CASES = [
    *(Case(number, f'a shard called {name!r}'[:60], shard_named(name), 'expected the name of a file in the same folder')
      for number, names in {34: ('../in/' + SECOND, '..', '.', '../../../etc/passwd', 'x/../../y'),
                            35: ('/etc/passwd', '//x', '/' + SECOND),
                            36: ('a\\b.safetensors', 'a\0b', 'sub/' + SECOND, '', './' + SECOND)}.items() for name in names),
    Case(36, 'a shard of a newline and no file', shard_named('a\nb.safetensors'), '1 missing', exit=66),
    Case(36, 'a name of 100,000 bytes', shard_named('x' * 100_000), 'expected the name of a file in the same folder'),
    Case(37, 'FIFO', fifo, 'expected a regular file, found a FIFO'),
    Case(37, 'link to a device', linked('/dev/zero'), 'expected a regular file'),
    Case(37, 'link to a folder', linked('.'), 'expected a regular file, found a folder'),
    Case(37, 'link to itself', linked(SECOND), SECOND, exit=66),
    Case(37, 'link to nowhere', linked('nowhere'), '1 missing', exit=66),
    Case(37, 'link to a terminal', linked('/dev/tty'), SECOND),
    Case(37, 'config.json is a FIFO', fifo_for('config.json'), 'config.json: expected a regular file'),
    Case(37, 'tokenizer.json is a FIFO', fifo_for('tokenizer.json'), 'tokenizer.json: expected a regular file'),
    Case(38, 'hub cache: links to blobs outside', hub_cache, exit=0),
    Case(39, 'one shard missing', without(SECOND), f'1 missing: ', exit=66),
    Case(39, 'both missing, both listed', both_missing, 'expected all 2 files, found 2 missing: ', exit=66),
    Case(40, 'indexed tensor absent', index(lambda i: i['weight_map'].update({'absent': SECOND})),
         '$.weight_map.absent: expected this tensor in ' + SECOND),
    Case(41, 'unindexed tensor present', unindexed, f"tensor '{DOWN}': expected an entry in"),
    Case(42, 'tensor in two shards', in_two, 'expected one tensor of this name'),
    Case(43, 'total_size wrong', index(lambda i: i['metadata'].update(total_size=1)), '$.metadata.total_size', exit=0),
    Case(43, 'total_size negative', index(lambda i: i['metadata'].update(total_size=-1)), '$.metadata.total_size', exit=0),
    Case(43, 'total_size text', index(lambda i: i['metadata'].update(total_size='big')), '$.metadata.total_size', exit=0),
    Case(43, 'total_size 1e300', index(lambda i: i['metadata'].update(total_size=1e300)), '$.metadata.total_size', exit=0),
    Case(44, 'index of nothing', index_bytes(b''), INDEX + ': '),
    Case(44, 'index that is no JSON', index_bytes(b'weight_map'), INDEX + ': '),
    Case(44, 'index cut', index_bytes(b'{"weight_map": {"a":'), INDEX + ': '),
    Case(44, 'index without weight_map', index_bytes(b'{}'), '$.weight_map: expected an object'),
    Case(44, 'weight_map of a list', index_bytes(b'{"weight_map": []}'), '$.weight_map: expected an object'),
    Case(44, 'weight_map of nothing', index_bytes(b'{"weight_map": {}}'), '$.weight_map: expected an object'),
    Case(44, 'weight_map of numbers', index_bytes(b'{"weight_map": {"a": 1}}'), '$.weight_map.a: expected a string'),
    Case(44, 'index of a list', index_bytes(b'[1]'), INDEX),
    Case(44, 'index 100,000 deep', index_bytes(b'[' * 100_000), INDEX),
    Case(44, 'index of bad UTF-8', index_bytes(b'{"weight_map": {"\xff": "a"}}'), 'UTF-8'),
    Case(44, 'index that is a Git LFS pointer', index_bytes(b'version https://git-lfs.github.com/spec/v1\n'), 'Git-LFS'),
    Case(45, 'only .bin', only('pytorch_model.bin'), 'found only pickled weights'),
    Case(45, 'only .pt', only('model.pt', b'PK\x03\x04'), 'found only pickled weights'),
    Case(45, 'a pickle called model.safetensors', only('model.safetensors', b'\x80\x02}q\x00.' + bytes(64)), 'model.safetensors: '),
    Case(45, 'a zip called model.safetensors', only('model.safetensors', b'PK\x03\x04' + bytes(64)), 'model.safetensors: '),
    Case(47, 'spaces and unicode', renamed_shard('my shard é🎉.safetensors'), exit=0),
    Case(47, 'name of 255 bytes', renamed_shard('x' * 243 + '.safetensors'), exit=0),
    Case(47, 'leading dash', renamed_shard('-rf.safetensors'), exit=0),
    Case(47, 'folder of spaces and unicode', folder_named(' é 🎉 '.encode()), exit=0,
         command=('quantize', '{in}/', '-o', '{out}', '--type', 'Q4_0', '--force')),
    Case(47, 'folder of no UTF-8', folder_named(b'mod\xffel'), exit=0,
         command=('quantize', '{dir}/mod\udcffel', '-o', '{out}', '--type', 'Q4_0', '--force'), also=(('check', '{out}'),)),

    Case(48, 'no architecture', config(architectures=..., model_type=...), 'config.json: '),
    Case(48, 'unknown architecture', config(architectures=['MambaForCausalLM'], model_type='mamba'), 'MambaForCausalLM'),
    Case(48, 'no architectures in the list', config(architectures=[], model_type='x'), 'config.json'),
    Case(48, 'architectures that are no list', config(architectures='LlamaForCausalLM', model_type=7), 'config.json: $.'),
    Case(48, 'architectures of numbers', config(architectures=[1], model_type=...), '$.architectures'),
    Case(48, 'no config.json', lambda model: lambda folder: (folder / 'config.json').unlink(), 'config.json', exit=66),
    Case(48, 'an empty config.json', config_text(b''), 'config.json: byte 0: expected JSON'),
    Case(48, 'config.json of a list', config_text(b'[]'), 'config.json'),
    Case(48, 'config.json of bad UTF-8', config_text(b'{"a": "\xff"}'), 'config.json'),
    Case(48, 'config.json 100,000 deep', config_text(b'{"a":' * 100_000), 'config.json'),
    Case(48, 'config.json with a member twice', config_text(b'{"hidden_size": 1, "hidden_size": 2}'), 'hidden_size'),
    *(Case(49, f'{key} of {value!r}', config(**{key: value}), f'config.json: $.{key}')
      for key in ('hidden_size', 'num_hidden_layers', 'num_attention_heads', 'intermediate_size', 'vocab_size')
      for value in ('256', None, [256], {}, True, 256.5, 1e300)),
    *(Case(49, f'{key} of {value!r}', config(**{key: value}), f'config.json: $.{key}')
      for key, value in (('rope_theta', 'x'), ('rope_theta', 0), ('rope_theta', -1), ('rms_norm_eps', 'x'),
                         ('rms_norm_eps', -1), ('tie_word_embeddings', 'yes'), ('rope_scaling', 'linear'),
                         ('rope_scaling', {'rope_type': 7}), ('hidden_act', 7), ('head_dim', -32), ('head_dim', 0),
                         ('quantization_config', 'fp8'), ('max_position_embeddings', -1))),
    *(Case(50, f'{value} layers', config(num_hidden_layers=value), '$.num_hidden_layers') for value in (0, -1, 2**31, 2**63)),
    Case(50, 'a billion layers', config(num_hidden_layers=10**9), 'config.json: $.num_hidden_layers'),
    Case(50, 'a million layers', config(num_hidden_layers=10**6), 'config.json'),
    Case(50, 'two layers of which one is there', config(num_hidden_layers=2), "no 'model.layers.1"),
    Case(51, 'heads that do not divide', config(num_attention_heads=7, head_dim=...), '$.num_attention_heads'),
    Case(51, 'no heads', config(num_attention_heads=0), '$.num_attention_heads'),
    Case(51, 'no heads nor their length', config(num_attention_heads=0, head_dim=...), '$.num_attention_heads'),
    Case(51, 'no key heads', config(num_key_value_heads=0), '$.num_key_value_heads'),
    Case(51, 'key heads that do not divide', config(num_key_value_heads=3), '$.num_key_value_heads'),
    Case(51, 'more key heads than heads', config(num_key_value_heads=16), '$.num_key_value_heads'),
    Case(51, 'hidden size 0', config(hidden_size=0), '$.hidden_size'),
    Case(51, 'a billion heads', config(num_attention_heads=10**9), 'config.json'),
    Case(52, 'another shape', reshaped(DOWN, 512, 256), f"'{DOWN}' [512, 256] instead of [256, 512]"),
    Case(52, 'a vector', reshaped(DOWN, 131072), '[131072] instead of [256, 512]'),
    Case(52, 'of rank 0', reshaped(DOWN), '[] instead of [256, 512]'),
    Case(52, 'no elements', reshaped(DOWN, 256, 0), '[256, 0] instead of [256, 512]'),
    Case(52, 'of rank 5', reshaped(DOWN, 1, 1, 1, 256, 512), 'instead of [256, 512]'),
    Case(52, 'integers', reshaped(DOWN, 256, 512, dtype='I32'), f"'{DOWN}' (I32)"),
    Case(52, 'vocabulary of another size', config(vocab_size=1000), 'model.embed_tokens.weight'),
    Case(52, 'no norm', removed('model.norm.weight'), "no 'model.norm.weight'"),
    Case(53, 'expert missing in the middle', expert(removed('model.layers.0.mlp.experts.1.up_proj.weight')),
         "no 'model.layers.0.mlp.experts.1.up_proj.weight'"),
    Case(53, 'a mixture that is whole', mixture, exit=0),
    Case(53, 'more experts used than there are', expert(config(num_experts_per_tok=4)), '$.num_experts_per_tok'),
    Case(53, 'no expert used', expert(config(num_experts_per_tok=0)), '$.num_experts_per_tok'),
    Case(53, 'a billion experts', expert(config(num_experts=10**9)), 'config.json'),
    Case(54, 'extra expert', expert(extra_expert), "unknown 'model.layers.0.mlp.experts.3.gate_proj.weight'"),
    Case(54, 'extra layer', extra_layer, "'model.layers.1."),
    Case(55, 'no FP8 scale', with_form(fp8, scale=False), f"no '{DOWN}_scale_inv'"),
    Case(55, 'no INT4 scale', with_form(int4, scales=None), f"no '{DOWN}_scale'"),
    Case(55, 'no MXFP4 scale', with_form(mxfp4, scales=None), f"no '{DOWN}_scales'"),
    Case(55, 'FP8 that is whole', fp8, exit=0),
    Case(55, 'INT4 that is whole', int4, exit=0),
    Case(55, 'MXFP4 that is whole', mxfp4, exit=0),
    Case(56, 'FP8 scales of another shape', with_form(fp8, scales=(4, 2)), 'expected shape [2, 4] for blocks of 128 x 128'),
    Case(56, 'FP8 scales of a vector', with_form(fp8, scales=(8,)), f'{DOWN}_scale_inv'),
    Case(56, 'FP8 scales of integers', with_form(fp8, scale_dtype='I32'), 'cannot be the scales of'),
    Case(56, 'INT4 scales of another shape', with_form(int4, scales=(16, 256)), f'{DOWN}_scale'),
    Case(56, 'MXFP4 scales of another shape', with_form(mxfp4, scales=(16, 256)), f'{DOWN}_scales'),
    Case(57, 'FP8 that nobody declares', with_form(fp8, quantization=False), '$.quantization_config.quant_method'),
    Case(57, 'declared, not stored', quantization(quant_method='fp8'), '$.quantization_config.quant_method'),
    Case(57, 'an unknown method', quantization(quant_method='hqq'), '$.quantization_config.quant_method'),
    Case(57, 'a method that is a number', quantization(quant_method=4), '$.quantization_config'),
    Case(57, 'no method', quantization(bits=4), '$.quantization_config'),
    Case(57, 'GPTQ of 3 bits', quantization(quant_method='gptq', bits=3, group_size=128), '$.quantization_config'),
    Case(57, 'GPTQ of groups of 0', quantization(quant_method='gptq', bits=4, group_size=0), '$.quantization_config'),
    Case(57, 'GPTQ of groups of -7', quantization(quant_method='gptq', bits=4, group_size=-7), '$.quantization_config'),
    Case(57, 'AWQ of no weights', quantization(quant_method='awq', bits=4, group_size=128, zero_point=True), 'quantization_config'),
    Case(59, 'tied embeddings and an lm_head that differs', untied, 'lm_head', exit=0),
    Case(60, 'auto_map', remote_code, exit=0),
]


def more(suite):
    def no_code_ran():
        assert not os.path.exists('/tmp/nibble-was-here')
    suite.check(60, 'no code of the folder ran', no_code_ran)
