"""The zoo's models in the other forms that their families are published in, made here: the same golden logits."""
import json
import struct

import numpy as np
from cases_consumers import llama_cpp, runs
from lane import Model, expect_at_most, relative_difference, require

VISION = {'vision_tower.patch.weight': ('BF16', [2, 4], bytes(16)),
          'multi_modal_projector.norm.weight': ('BF16', [4], bytes(8))}
VISION_OF_LLAMA4 = {'vision_model.patch.weight': ('BF16', [2, 4], bytes(16))}
# Of Mistral's own form, by Hugging Face's; the first that fits.
CONSOLIDATED = [('model.embed_tokens.', 'tok_embeddings.'), ('lm_head.', 'output.'), ('model.norm.', 'norm.'),
                ('model.layers.', 'layers.'), ('input_layernorm', 'attention_norm'),
                ('post_attention_layernorm', 'ffn_norm'), ('self_attn.q_proj', 'attention.wq'),
                ('self_attn.k_proj', 'attention.wk'), ('self_attn.v_proj', 'attention.wv'),
                ('self_attn.o_proj', 'attention.wo'), ('mlp.gate_proj', 'feed_forward.w1'),
                ('mlp.down_proj', 'feed_forward.w2'), ('mlp.up_proj', 'feed_forward.w3'),
                ('block_sparse_moe', 'feed_forward')]
YARN = {'rope_type': 'yarn', 'rope_theta': 1e4, 'factor': 4.0, 'beta_fast': 8.0, 'beta_slow': 1.0, 'mscale': 1.0,
        'mscale_all_dim': 1.0, 'original_max_position_embeddings': 16, 'llama_4_scaling_beta': 0.5}


def run(lane):
    zoo = {model.name: model for model in lane.zoo()}
    for name, form in (('mistral', consolidated), ('mixtral', consolidated), ('mistral', nested), ('gemma3', nested),
                       ('llama4', nested), ('gpt2', prefixed)):
        lane.check(f'{name}, {form.__name__}: logits', same_logits, lane, zoo[name], form)
    lane.check('mistral as ministral3: llama.cpp agrees', agrees_on_ministral3, lane, zoo['mistral'])


def same_logits(lane, model, form):
    config = json.loads((require(model) / 'config.json').read_text())
    folder = lane.work / f'{model.name}-{form.__name__}'
    folder.mkdir()
    form(model.name, config, tensors_of(model.folder), folder)
    made, golden = Model(folder.name, folder), model.golden()
    if made.folder is None:  # consolidated
        made.folder = folder
    for path in (folder, lane.converted(made, 'f32')):
        expect_at_most(relative_difference(lane.logits(path, golden['input_ids'])['logits'], golden['logits']), 1e-4)


def consolidated(name, config, tensors, folder):
    rope = config.get('rope_parameters', config)
    params = {'dim': config['hidden_size'], 'n_layers': config['num_hidden_layers'], 'head_dim': config['head_dim'],
              'hidden_dim': config['intermediate_size'], 'n_heads': config['num_attention_heads'],
              'n_kv_heads': config['num_key_value_heads'], 'norm_eps': config['rms_norm_eps'],
              'vocab_size': config['vocab_size'], 'rope_theta': rope['rope_theta']}
    if config['sliding_window']:
        params['sliding_window'] = str(config['sliding_window'])
    if 'num_local_experts' in config:
        params['moe'] = {'num_experts': config['num_local_experts'],
                         'num_experts_per_tok': config['num_experts_per_tok']}
    renamed = {}
    for name, (dtype, shape, data) in tensors.items():
        if name.endswith(('q_proj.weight', 'k_proj.weight')):  # rope pairs beside one another
            rows = np.frombuffer(data, dtype=np.uint16).reshape(-1, 2, config['head_dim'] // 2, shape[1])
            data = rows.swapaxes(1, 2).tobytes()
        for old, new in CONSOLIDATED:
            name = name.replace(old, new)
        renamed[name] = (dtype, shape, data)
    (folder / 'params.json').write_text(json.dumps(params))
    write(folder / 'consolidated.safetensors', renamed)


def nested(name, config, tensors, folder):
    architecture, model_type = {'mistral': ('Mistral3ForConditionalGeneration', 'mistral3'),
                                'gemma3': ('Gemma3ForConditionalGeneration', 'gemma3'),
                                'llama4': ('Llama4ForConditionalGeneration', 'llama4')}[name]
    del config['architectures']
    (folder / 'config.json').write_text(
        json.dumps({'architectures': [architecture], 'model_type': model_type, 'text_config': config}))
    vision = VISION_OF_LLAMA4 if name == 'llama4' else VISION
    write(folder / 'model.safetensors', {f'language_model.{name}': tensor for name, tensor in tensors.items()} | vision)


def prefixed(name, config, tensors, folder):
    (folder / 'config.json').write_text(json.dumps(config))
    write(folder / 'model.safetensors', {f'transformer.{name}': tensor for name, tensor in tensors.items()})


def agrees_on_ministral3(lane, model):
    require(model)
    made = lane.changed(model, {'architectures': ['Ministral3ForCausalLM'], 'model_type': 'ministral3',
                                'sliding_window': None, 'rope_parameters': YARN}, 'ministral3')
    runs(lane, made, 'F16', llama_cpp(lane, made, ['F16']))


# Safetensors by hand: NumPy has no BF16.


def tensors_of(folder):
    """{name: (dtype, shape, bytes)} of all files but the goldens."""
    tensors = {}
    for path in sorted(folder.glob('model*.safetensors')):
        data = path.read_bytes()
        size, = struct.unpack('<Q', data[:8])
        header = json.loads(data[8:8 + size])
        for name, entry in header.items():
            if name != '__metadata__':
                begin, end = (8 + size + offset for offset in entry['data_offsets'])
                tensors[name] = (entry['dtype'], entry['shape'], data[begin:end])
    return tensors


def write(path, tensors):
    header, offset = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(data for _, _, data in tensors.values()))
