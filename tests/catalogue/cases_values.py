"""Values of weights and scales: lines 61 to 72."""
import functools
import struct

from cases_folder import DOWN, fp8, int4, mxfp4
from checkpoint import Tensor, bf16, f32
from suite import Case as AnyCase

# What reads headers alone does not see values.
Case = functools.partial(AnyCase, also=())

NAN, INFINITY = float('nan'), float('inf')
CODES = {'F32': (4, '<f'), 'F16': (2, '<e')}


def quantize(kind, *options):
    return ('quantize', '{in}', '-o', '{out}', '--type', kind, '--force', *options)


def value(code, at=0, dtype='BF16', name=DOWN):
    """The bytes of one value of one tensor, which is stored as `dtype`."""
    def make(model):
        shape = model.tensors[name].shape
        if dtype != 'BF16':
            model.tensors[name] = Tensor(dtype, shape)
        size = len(code)
        model.tensors[name].put(at * size, code)
    return make


def scale(form, suffix, code, at=0):
    def make(model):
        form(model)
        model.tensors[DOWN + suffix].put(at, code)
    return make


def filled(number, other=None):
    """Every third value `number`, the rest `other`."""
    def make(model):
        codes = struct.pack('<f', number) + struct.pack('<f', number if other is None else other) * 2
        model.tensors[DOWN] = Tensor('F32', (256, 512), (codes * (256 * 512 // 3 + 1))[:256 * 512 * 4])
    return make


def nvfp4(model):
    weights = {'num_bits': 4, 'type': 'float', 'symmetric': True, 'strategy': 'tensor_group', 'group_size': 16,
               'scale_dtype': 'torch.float8_e4m3fn'}
    model.config['quantization_config'] = {'quant_method': 'compressed-tensors', 'format': 'nvfp4-pack-quantized',
                                           'config_groups': {'group_0': {'weights': weights}}}
    del model.tensors[DOWN]
    model.tensors[DOWN + '_packed'] = Tensor('U8', (256, 256), b'\x22' * (256 * 256))
    model.tensors[DOWN + '_scale'] = Tensor('F8_E4M3', (256, 32), b'\x38' * (256 * 32))
    model.tensors[DOWN + '_global_scale'] = Tensor('F32', (1,), f32(1))


def ragged(model):
    """A feed-forward whose rows no block divides."""
    model.config['intermediate_size'] = 500
    for name in ('gate_proj', 'up_proj'):
        model.tensors[f'model.layers.0.mlp.{name}.weight'] = Tensor('BF16', (500, 256), bf16(0.5, 500 * 256))
    model.tensors[DOWN] = Tensor('BF16', (256, 500), bf16(0.5, 256 * 500))


FINITE, SCALE = 'expected a finite value, found ', 'expected a finite scale above 0, found '
NORM, EMBEDDING = 'model.norm.weight', 'model.embed_tokens.weight'

CASES = [
    Case(61, 'NaN, BF16', value(b'\xc0\x7f', 513), f"'{DOWN}' [1, 1]: {FINITE}nan"),
    Case(61, 'NaN, negative', value(b'\xff\xff'), FINITE),
    Case(61, 'NaN, signalling', value(b'\x81\x7f'), FINITE + 'nan'),
    Case(61, 'NaN, F32', value(f32(NAN), 513, 'F32'), '[1, 1]: ' + FINITE),
    Case(61, 'NaN, F16', value(b'\x00\x7e', 513, 'F16'), '[1, 1]: ' + FINITE),
    Case(61, 'NaN, FP8', scale(fp8, '', b'\x7f', 513), '[1, 1]: ' + FINITE),
    Case(61, 'NaN at the very end', value(b'\xc0\x7f', 256 * 512 - 1), '[255, 511]: ' + FINITE),
    Case(61, 'NaN in a norm', value(b'\xc0\x7f', 3, name=NORM), f"'{NORM}' [3]: {FINITE}"),
    Case(61, 'NaN in the embedding', value(b'\xc0\x7f', 3, name=EMBEDDING), f"'{EMBEDDING}' [0, 3]: {FINITE}"),
    Case(61, 'NaN, converted', value(b'\xc0\x7f'), FINITE, command=('convert', '{in}', '-o', '{out}', '--force')),
    *(Case(61, f'NaN, as {kind}', value(b'\xc0\x7f', 513), f"'{DOWN}' [1, 1]: {FINITE}nan", command=quantize(kind))
      for kind in ('Q4_K_M', 'Q8_0', 'MXFP4', 'NVFP4', 'IQ4_XS', 'F16', 'BF16', 'F32')),
    Case(61, 'NaN, rtn', value(b'\xc0\x7f'), FINITE, command=quantize('Q4_K', '--method', 'rtn')),
    Case(61, 'NaN, into a folder', value(b'\xc0\x7f'), FINITE, command=('quantize', '{in}', '-o', '{dir}/folder', '--type', 'INT4_G32')),
    Case(62, 'infinity, BF16', value(b'\x80\x7f', 5), f"'{DOWN}' [0, 5]: {FINITE}inf"),
    Case(62, 'infinity, negative', value(b'\x80\xff', 5), FINITE + '-inf'),
    Case(62, 'infinity, F32', value(f32(INFINITY), 5, 'F32'), FINITE + 'inf'),
    Case(62, 'infinity, F16', value(b'\x00\x7c', 5, 'F16'), FINITE + 'inf'),
    Case(62, 'infinity, converted', value(b'\x80\x7f'), FINITE, command=('convert', '{in}', '-o', '{out}', '--force')),
    *(Case(63, f'FP8 scale {number}', scale(fp8, '_scale_inv', f32(number), 4), f"{DOWN}_scale_inv' [0, 1]: {SCALE}")
      for number in (NAN, 0, -1, -0.0, INFINITY)),
    *(Case(63, f'INT4 scale {number}, {kind}', scale(int4, '_scale', f32(number), 68), SCALE, command=quantize(kind))
      for number in (NAN, 0, INFINITY) for kind in ('Q4_0', 'Q4_K')),
    Case(64, 'E8M0 = 0xFF', scale(mxfp4, '_scales', b'\xff', 17), f"{DOWN}_scales' [1, 1]: {SCALE}nan"),
    Case(64, 'E8M0 = 0xFF, kept', scale(mxfp4, '_scales', b'\xff', 17), SCALE + 'nan', command=quantize('MXFP4')),
    Case(64, 'E8M0 = 0 is a scale', scale(mxfp4, '_scales', b'\0', 17), exit=0, command=quantize('MXFP4')),
    Case(65, 'UE4M3 = 0x7F', scale(nvfp4, '_scale', b'\x7f', 33), f"{DOWN}_scale' [1, 1]: {SCALE}nan"),
    Case(65, 'UE4M3 = 0xFF', scale(nvfp4, '_scale', b'\xff', 33), SCALE),
    Case(65, 'NVFP4 that is whole', nvfp4, exit=0),
    *(Case(65, f'global scale {number}', scale(nvfp4, '_global_scale', f32(number)), f'{DOWN}_global_scale')
      for number in (NAN, 0, -1, INFINITY)),
    Case(66, 'product of scale and value over F16', scale(fp8, '_scale_inv', f32(7e4)), 'expected a value that F16 can hold',
         command=quantize('F16')),
    Case(66, 'product over floats', lambda model: (scale(fp8, '_scale_inv', f32(3e38))(model),
                                                   model.tensors[DOWN].put(0, b'\x7e')), FINITE + 'inf'),
    Case(66, 'a scale that F16 cannot hold', scale(int4, '_scale', f32(1e5)), 'expected a scale that Q4_0 can hold'),
    Case(66, 'MXFP4 of 2^127', scale(mxfp4, '_scales', b'\xfe'), exit=0, command=quantize('MXFP4')),
    *(Case(66, f'MXFP4 of 6 x 2^127, {kind}', lambda model: (scale(mxfp4, '_scales', b'\xfe')(model),
                                                             model.tensors[DOWN + '_blocks'].put(0, b'\x77')), DOWN,
           command=quantize(kind)) for kind in ('MXFP4', 'Q4_0', 'F16')),
    Case(66, 'MXFP4 of 2^127 in F16', scale(mxfp4, '_scales', b'\xfe'), 'expected a value that F16 can hold',
         command=quantize('F16', '--allow-requantize')),
    *(Case(number, f'{name}, {kind}', filled(*numbers), exit=0, command=quantize(kind))
      for number, name, numbers in ((67, 'denormals', (1e-40, -3e-41)), (68, 'negative zeros', (-0.0,)),
                                    (69, 'all zero', (0,)), (70, 'all equal', (0.3,)), (70, 'one in three', (0.5, 0)))
      for kind in ('Q4_0', 'Q4_K_M', 'MXFP4', 'NVFP4', 'IQ4_NL')),
    Case(71, 'rows that no block divides', ragged, 'not whole blocks', exit=0),
    Case(71, 'rows that no block divides, --strict', ragged, 'blk.0.ffn_down.weight', exit=64, command=quantize('Q4_0', '--strict')),
    Case(71, 'rows that no block divides, K-quants --strict', ragged, 'blk.0.ffn_down.weight', exit=64,
         command=quantize('Q4_K_M', '--strict')),
    Case(72, 'BF16 over F16', value(b'\x80\x4f'), 'expected a value that F16 can hold', command=quantize('F16')),
    Case(72, "BF16 over a block's scale", value(b'\x00\x7f'), 'expected a value that Q8_0 can hold', command=quantize('Q8_0')),
    Case(72, 'BF16 maximum in Q4_K', value(b'\x7f\x7f'), 'expected a value that', command=quantize('Q4_K')),
    Case(72, 'BF16 maximum in BF16', value(b'\x7f\x7f'), exit=0, command=quantize('BF16')),
]
