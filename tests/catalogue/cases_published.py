"""Folders that were quantized before, by others: GPTQ, AWQ, compressed-tensors, FP8, MXFP4, NVFP4; the parts of a weight
that do not fit one another, or what config.json says of them. No lines of the catalogue, but the classes of 55 to 57, 63."""
import struct

from cases_folder import DOWN, fp8, int4, mxfp4, with_form
from cases_values import nvfp4
from checkpoint import Tensor, f32
from suite import Case

MODULE = 'model.layers.0.mlp.down_proj'
ANEW = 'tensors are encoded anew'
NAN, INFINITY = float('nan'), float('inf')


def f16(value, count=1):
    return struct.pack('<e', value) * count


def gptq(model, bits=4, group=128, **fields):
    """down_proj [256, 512] as words of GPTQ."""
    groups = 512 // group
    model.config['quantization_config'] = {'quant_method': 'gptq', 'bits': bits, 'group_size': group, 'desc_act': False,
                                           'sym': True, **fields}
    del model.tensors[DOWN]
    parts = {'qweight': Tensor('I32', (512 * bits // 32, 256), b'\x99' * (256 * 512 * bits // 8)),
             'qzeros': Tensor('I32', (groups, 256 * bits // 32), b'\x77' * (groups * 256 * bits // 8)),
             'scales': Tensor('F16', (groups, 256), f16(0.01, groups * 256)),
             'g_idx': Tensor('I32', (512,), b''.join(struct.pack('<i', row // group) for row in range(512)))}
    model.tensors.update({f'{MODULE}.{name}': part for name, part in parts.items()})


def awq(model, **fields):
    model.config['quantization_config'] = {'quant_method': 'awq', 'bits': 4, 'group_size': 128, 'zero_point': True,
                                           'version': 'gemm', **fields}
    del model.tensors[DOWN]
    model.tensors[f'{MODULE}.qweight'] = Tensor('I32', (512, 32), b'\x99' * (256 * 256))
    model.tensors[f'{MODULE}.qzeros'] = Tensor('I32', (4, 32), b'\x77' * 512)
    model.tensors[f'{MODULE}.scales'] = Tensor('F16', (4, 256), f16(0.01, 1024))


def mxfp4_packed(model):
    """compressed-tensors' own MXFP4."""
    nvfp4(model)
    group = model.config['quantization_config']['config_groups']['group_0']
    model.config['quantization_config']['format'] = 'mxfp4-pack-quantized'
    group['weights'].update(strategy='group', group_size=32)
    del model.tensors[DOWN + '_global_scale']
    model.tensors[DOWN + '_scale'] = Tensor('U8', (256, 16), b'\x7f' * (256 * 16))


def fp8_rows(model):
    """compressed-tensors' FP8 with a scale for each row."""
    fp8(model, scale=False, quantization=False)
    weights = {'num_bits': 8, 'type': 'float', 'symmetric': True, 'strategy': 'channel'}
    model.config['quantization_config'] = {'quant_method': 'compressed-tensors', 'format': 'float-quantized',
                                           'config_groups': {'group_0': {'weights': weights}}}
    model.tensors[DOWN + '_scale'] = Tensor('F32', (256, 1), f32(*[1] * 256))


def with_part(form, name, dtype, shape, data=None, **fields):
    """The form, one part of which is another tensor."""
    def make(model):
        form(model, **fields)
        model.tensors[name] = Tensor(dtype, shape, data)
    return make


def without_part(form, name, **fields):
    def make(model):
        form(model, **fields)
        del model.tensors[name]
    return make


def with_bytes(form, name, offset, data, **fields):
    def make(model):
        form(model, **fields)
        model.tensors[name].put(offset, data)
    return make


def declared(form, path, value):
    """The form, and something else said of it in quantization_config."""
    def make(model):
        form(model)
        *parents, key = path.split('.')
        place = model.config['quantization_config']
        for parent in parents:
            place = place[parent]
        if value is ...:
            place.pop(key, None)
        else:
            place[key] = value
    return make


QWEIGHT, QZEROS, SCALES, G_IDX = (f'{MODULE}.{part}' for part in ('qweight', 'qzeros', 'scales', 'g_idx'))
PACKED, SCALE, SHAPE, GLOBAL = (DOWN + suffix for suffix in ('_packed', '_scale', '_shape', '_global_scale'))
BLOCKS, BLOCK_SCALES = DOWN + '_blocks', DOWN + '_scales'
GROUPS, WEIGHTS = 'config_groups', 'config_groups.group_0.weights'


def case(name, make, says='', exit=65, **more):
    return Case(0, name, make, says, exit, **more)


def words(number):
    return struct.pack('<i', number)


CASES = [
    case('GPTQ that is whole', gptq, ANEW, exit=0),
    case('GPTQ of 8 bits that is whole', with_form(gptq, bits=8), ANEW, exit=0),
    *(case(f'GPTQ: input 7 in group {number}', with_bytes(gptq, G_IDX, 28, words(number)), G_IDX)
      for number in (-1, 4, 2**31 - 1, -2**31)),
    case('GPTQ: groups of 511 inputs', with_part(gptq, G_IDX, 'I32', (511,)), 'and groups [511]'),
    case('GPTQ: groups of no inputs', with_part(gptq, G_IDX, 'I32', (0,)), 'and groups [0]'),
    case('GPTQ: groups in 64 bits', with_part(gptq, G_IDX, 'I64', (512,)), MODULE),
    case('GPTQ: groups of two dimensions', with_part(gptq, G_IDX, 'I32', (1, 512)), 'and groups [1, 512]'),
    case('GPTQ: no groups, where none are needed', without_part(gptq, G_IDX), ANEW, exit=0),
    case('GPTQ: no groups, where inputs are in any order', without_part(gptq, G_IDX, desc_act=True), G_IDX),
    case('GPTQ: no scales', without_part(gptq, SCALES), SCALES),
    case('GPTQ: no zero points', without_part(gptq, QZEROS), QZEROS),
    case('GPTQ: no codes', without_part(gptq, QWEIGHT), 'quant_method'),
    case('GPTQ: scales of one group too few', with_part(gptq, SCALES, 'F16', (3, 256)), MODULE),
    case('GPTQ: scales of no group', with_part(gptq, SCALES, 'F16', (0, 256)), MODULE),
    case('GPTQ: scales of no outputs', with_part(gptq, SCALES, 'F16', (4, 0)), MODULE),
    case('GPTQ: scales of another width', with_part(gptq, SCALES, 'F16', (4, 255)), MODULE),
    case('GPTQ: scales the other way round', with_part(gptq, SCALES, 'F16', (256, 4)), MODULE),
    case('GPTQ: scales of rank 1', with_part(gptq, SCALES, 'F16', (1024,)), MODULE),
    case('GPTQ: scales of integers', with_part(gptq, SCALES, 'I32', (4, 256)), MODULE),
    *(case(f'GPTQ: scale {number}', with_bytes(gptq, SCALES, 2 * 257, f16(number)), SCALES) for number in (NAN, INFINITY)),
    case('GPTQ: zero points of another width', with_part(gptq, QZEROS, 'I32', (4, 33)), MODULE),
    case('GPTQ: zero points of more groups', with_part(gptq, QZEROS, 'I32', (5, 32)), MODULE),
    case('GPTQ: zero points as floats', with_part(gptq, QZEROS, 'F16', (4, 32)), MODULE),
    case('GPTQ: zero points of none', with_part(gptq, QZEROS, 'I32', (4, 0)), MODULE),
    case('GPTQ: codes of rank 3', with_part(gptq, QWEIGHT, 'I32', (64, 256, 1)), MODULE),
    case('GPTQ: codes of no inputs', with_part(gptq, QWEIGHT, 'I32', (0, 256)), MODULE),
    case('GPTQ: codes of fewer inputs', with_part(gptq, QWEIGHT, 'I32', (32, 256)), MODULE),
    case('GPTQ: codes as floats', with_part(gptq, QWEIGHT, 'F32', (64, 256)), 'quant_method'),
    case('GPTQ: codes as bytes', with_part(gptq, QWEIGHT, 'U8', (256, 256)), 'quant_method'),
    case('GPTQ: the weight beside its codes', with_part(gptq, DOWN, 'BF16', (256, 512)), MODULE),
    case('GPTQ called AWQ', declared(gptq, 'quant_method', 'awq')),
    case('GPTQ of 8 bits, declared with 4', declared(with_form(gptq, bits=8), 'bits', 4), MODULE),
    case('GPTQ of 4 bits, declared with 8', declared(gptq, 'bits', 8), MODULE),
    *(case(f'GPTQ: group_size {value!r}', declared(gptq, 'group_size', value), 'group_size' if value != 64 and value != 3 else SCALES)
      for value in (0, 3, 64, -2, 2**24 + 1, 2**63, 'big', 128.5, [128])),
    *(case(f'GPTQ: bits {value!r}', declared(gptq, 'bits', value), '$.quantization_config.bits') for value in (0, -4, '4', None, 2**63)),
    case('GPTQ: two versions', lambda model: gptq(model, checkpoint_format='gptq_v2', format='gptq'), 'quantization_config'),
    case('GPTQ: version marlin', declared(gptq, 'checkpoint_format', 'marlin'), 'checkpoint_format'),
    case('AWQ that is whole', awq, ANEW, exit=0),
    case('AWQ called GPTQ', declared(awq, 'quant_method', 'gptq')),
    case('AWQ: scales the other way round', with_part(awq, SCALES, 'F16', (256, 4)), MODULE),
    case('AWQ: no zero points', without_part(awq, QZEROS), QZEROS),
    case('AWQ: zero points of another width', with_part(awq, QZEROS, 'I32', (4, 16)), MODULE),
    case('AWQ: codes of the other order', with_part(awq, QWEIGHT, 'I32', (64, 256)), MODULE),
    case('AWQ: codes of fewer inputs than groups', with_part(awq, QWEIGHT, 'I32', (3, 32)), MODULE),
    case('AWQ: inputs that groups do not divide', with_part(awq, QWEIGHT, 'I32', (511, 32)), MODULE),
    case('AWQ: version gemv', declared(awq, 'version', 'gemv'), '$.quantization_config.version'),
    case('AWQ: no zero point, it says', declared(awq, 'zero_point', False), '$.quantization_config.zero_point'),
    case('AWQ: NaN scale', with_bytes(awq, SCALES, 0, f16(NAN)), SCALES),

    case('INT4: groups of 64 declared', declared(int4, WEIGHTS + '.group_size', 64), SCALE),
    *(case(f'INT4: group_size {value!r}', declared(int4, WEIGHTS + '.group_size', value), 'group_size')
      for value in (0, -1, None, 'x', 2**62)),
    *(case(f'INT4: {name}, which is not read', with_part(int4, SHAPE, dtype, shape, data), exit=0) for name, dtype, shape, data in (
        ('another shape said', 'I64', (2,), struct.pack('<qq', 256, 511)),
        ('a negative shape said', 'I64', (2,), struct.pack('<qq', -1, 512)),
        ('a huge shape said', 'I64', (2,), struct.pack('<qq', 2**62, 2**62)),
        ('a shape of three', 'I64', (3,), struct.pack('<qqq', 256, 512, 1)),
        ('a shape of none', 'I64', (0,), b''),
        ('a shape of floats', 'F32', (2,), f32(256, 512)))),
    case('INT4: no elements, and more than fit', with_part(int4, PACKED, 'I32', (0, 2**60)), DOWN),
    case('INT4: codes of rank 1', with_part(int4, PACKED, 'I32', (16384,)), DOWN),
    case('INT4: codes of rank 0', with_part(int4, PACKED, 'I32', ()), DOWN),
    case('INT4: codes in bytes', with_part(int4, PACKED, 'U8', (256, 256)), 'a type that a format packs'),
    case('INT4: codes in 64 bits', with_part(int4, PACKED, 'I64', (256, 64)), 'quant_method'),
    case('INT4: scales of FP8', with_part(int4, SCALE, 'F8_E4M3', (256, 16), b'\x38' * 4096), exit=0),
    case('INT4: scales of none', with_part(int4, SCALE, 'F32', (256, 0)), DOWN),
    case('INT4: a scale for 500 inputs', with_part(int4, SCALE, 'F32', (256, 15)), DOWN),
    case('INT4: zero points', with_part(int4, DOWN + '_zero_point', 'I32', (32, 16)), DOWN + '_zero_point'),
    case('INT4: the weight beside its codes', with_part(int4, DOWN, 'BF16', (256, 512)), DOWN),
    *(case(f'INT4: config_groups {value!r}', declared(int4, GROUPS, value), GROUPS) for value in (None, [], {}, 7, 'x')),
    *(case(f'INT4: a group of {value!r}', declared(int4, GROUPS + '.group_0', value), 'group_0') for value in (None, [], {}, 7)),
    *(case(f'INT4: weights {key} of {value!r}', declared(int4, f'{WEIGHTS}.{key}', value), key) for key, value in (
        ('num_bits', 8), ('num_bits', '4'), ('symmetric', False), ('type', 'float'), ('strategy', 'tensor'))),
    *(case(f'INT4: format {value!r}', declared(int4, 'format', value), 'format')
      for value in ('marlin-24', '', 7, None, 'mixed-precision')),
    case('INT4: a list of a million modules that are not', declared(int4, 'ignore', ['x'] * 1_000_000), exit=0),
    case('NVFP4: no global scale', without_part(nvfp4, GLOBAL), DOWN),
    case('NVFP4: two global scales', with_part(nvfp4, GLOBAL, 'F32', (2,), f32(1, 1)), DOWN),
    case('NVFP4: a global scale in BF16', with_part(nvfp4, GLOBAL, 'BF16', (1,), b'\x80\x3f'), DOWN),
    case('NVFP4: no elements of a global scale', with_part(nvfp4, GLOBAL, 'F32', (0,)), DOWN),
    case('NVFP4: a global scale of 1e-45', with_bytes(nvfp4, GLOBAL, 0, f32(1e-45)), DOWN),
    case('NVFP4: scales in U8', with_part(nvfp4, SCALE, 'U8', (256, 32), b'\x38' * 8192), DOWN),
    case('NVFP4: scales of blocks of 32', with_part(nvfp4, SCALE, 'F8_E4M3', (256, 16), b'\x38' * 4096), DOWN),
    case('NVFP4: no elements, and more than fit', with_part(nvfp4, PACKED, 'U8', (0, 2**62)), DOWN),
    case('MXFP4 of compressed-tensors that is whole', mxfp4_packed, exit=0),
    case('MXFP4 of compressed-tensors with a global scale', with_part(mxfp4_packed, GLOBAL, 'F32', (1,), f32(1)), DOWN),
    case('MXFP4 of compressed-tensors, scale 0xFF', with_bytes(mxfp4_packed, SCALE, 5, b'\xff'), SCALE),
    case('MXFP4: blocks of 15 bytes', with_part(mxfp4, BLOCKS, 'U8', (256, 16, 15)), DOWN),
    case('MXFP4: blocks of rank 1', with_part(mxfp4, BLOCKS, 'U8', (65536,)), DOWN),
    case('MXFP4: blocks of rank 0', with_part(mxfp4, BLOCKS, 'U8', ()), DOWN),
    case('MXFP4: no elements, and more than fit', with_part(mxfp4, BLOCKS, 'U8', (0, 2**59, 16)), DOWN),
    case('MXFP4: scales of floats', with_part(mxfp4, BLOCK_SCALES, 'F32', (256, 16)), DOWN),
    case('MXFP4: scales of three dimensions', with_part(mxfp4, BLOCK_SCALES, 'U8', (256, 16, 1), b'\x7f' * 4096), DOWN),
    case('MXFP4: the weight beside its blocks', with_part(mxfp4, DOWN, 'BF16', (256, 512)), DOWN),
    case('MXFP4: a bias called a scale', with_part(mxfp4, 'model.layers.0.mlp.down_proj.weight_scale', 'F32', (1,)), DOWN),
    case('FP8 of compressed-tensors that is whole', fp8_rows, exit=0),
    case('FP8 of compressed-tensors: rows of another number', with_part(fp8_rows, SCALE, 'F32', (255, 1)), DOWN),
    case('FP8: two kinds of scales', with_part(fp8, SCALE, 'F32', (1,), f32(2)), DOWN),
    case('FP8: scales of none', with_part(fp8, DOWN + '_scale_inv', 'F32', (0, 0)), DOWN),
    case('FP8: scales of rank 0', with_part(fp8, DOWN + '_scale_inv', 'F32', (), f32(1)), exit=0),
    case('FP8: scales of four dimensions', with_part(fp8, DOWN + '_scale_inv', 'F32', (2, 4, 1, 1)), DOWN),
    *(case(f'FP8: blocks {value!r}', declared(fp8, 'weight_block_size', value), 'weight_block_size')
      for value in ([128], [0, 0], [-128, 128], [128, 128, 128], ['a', 'b'], [64, 64], 128, {}, [2**63, 1], [128.5, 128])),
    case('FP8 that a norm is stored in', with_part(fp8, 'model.norm.weight', 'F8_E4M3', (256,), b'\x38' * 256), 'model.norm.weight'),
    case('FP8 embedding without scales', with_part(fp8, 'model.embed_tokens.weight', 'F8_E4M3', (1024, 256), b'\x38' * 262144),
         'model.embed_tokens.weight'),
    case('FP8 and words of GPTQ at once', with_part(fp8, 'model.layers.0.mlp.up_proj.qweight', 'I32', (32, 512)), 'up_proj'),
    case('NF4 of bitsandbytes', with_part(lambda model: None, DOWN + '.absmax', 'U8', (2048,)), 'bitsandbytes'),
]
