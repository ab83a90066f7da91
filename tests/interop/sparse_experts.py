"""A DeepSeek folder whose experts are holes in a sparse file: large for a test, and nothing on the disk."""
import json
import struct

import numpy as np

HIDDEN, LENGTH, EXPERTS = 1024, 1024, 64
CONFIG = {
    'architectures': ['DeepseekV3ForCausalLM'], 'hidden_size': HIDDEN, 'intermediate_size': 256, 'vocab_size': 256,
    'num_hidden_layers': 2, 'first_k_dense_replace': 1, 'num_attention_heads': 2, 'max_position_embeddings': 256,
    'q_lora_rank': None, 'kv_lora_rank': 64, 'qk_nope_head_dim': 32, 'qk_rope_head_dim': 32, 'v_head_dim': 32,
    'n_routed_experts': EXPERTS, 'n_shared_experts': 1, 'num_experts_per_tok': 2, 'moe_intermediate_size': LENGTH,
    'n_group': 1, 'topk_group': 1, 'routed_scaling_factor': 1.0,
    'quantization_config': {'quant_method': 'fp8', 'fmt': 'e4m3', 'weight_block_size': [128, 128]}}


def tensors():
    """(name, dtype, shape)."""
    for name in ('model.embed_tokens.weight', 'lm_head.weight'):
        yield name, 'BF16', [256, HIDDEN]
    yield 'model.norm.weight', 'BF16', [HIDDEN]
    for layer in range(2):
        prefix = f'model.layers.{layer}.'
        for name in ('input_layernorm', 'post_attention_layernorm'):
            yield prefix + name + '.weight', 'BF16', [HIDDEN]
        yield prefix + 'self_attn.kv_a_layernorm.weight', 'BF16', [64]
        yield from fp8(prefix + 'self_attn.q_proj', 128, HIDDEN)
        yield from fp8(prefix + 'self_attn.kv_a_proj_with_mqa', 96, HIDDEN)
        yield from fp8(prefix + 'self_attn.kv_b_proj', 128, 64)
        yield from fp8(prefix + 'self_attn.o_proj', HIDDEN, 64)
        if layer == 0:
            yield from gated(prefix + 'mlp.', 256)
            continue
        yield prefix + 'mlp.gate.weight', 'BF16', [EXPERTS, HIDDEN]
        yield prefix + 'mlp.gate.e_score_correction_bias', 'F32', [EXPERTS]
        yield from gated(prefix + 'mlp.shared_experts.', LENGTH)
        for expert in range(EXPERTS):
            yield from gated(f'{prefix}mlp.experts.{expert}.', LENGTH)


def gated(prefix, length):
    yield from fp8(prefix + 'gate_proj', length, HIDDEN)
    yield from fp8(prefix + 'up_proj', length, HIDDEN)
    yield from fp8(prefix + 'down_proj', HIDDEN, length)


def fp8(name, rows, cols):
    yield name + '.weight', 'F8_E4M3', [rows, cols]
    yield name + '.weight_scale_inv', 'F32', [-(-rows // 128), -(-cols // 128)]


def write(folder):
    """Returns the bytes of one layer's experts."""
    folder.mkdir()
    (folder / 'config.json').write_text(json.dumps(CONFIG))
    header, end, scales = {}, 0, []
    for name, dtype, shape in tensors():
        begin, end = end, end + int(np.prod(shape)) * {'F8_E4M3': 1, 'BF16': 2, 'F32': 4}[dtype]
        header[name] = {'dtype': dtype, 'shape': shape, 'data_offsets': [begin, end]}
        if name.endswith('_scale_inv'):
            scales.append((begin, end - begin))
    text = json.dumps(header).encode()
    with open(folder / 'model.safetensors', 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        file.truncate(8 + len(text) + end)
        for begin, size in scales:
            file.seek(8 + len(text) + begin)
            file.write(np.ones(size // 4, dtype=np.float32).tobytes())
    return EXPERTS * 3 * LENGTH * HIDDEN
