#!/usr/bin/env python3
"""Writes this folder's GGUF files with gguf-py, and a split of one with llama.cpp's own tool.

usage: make_goldens.py LLAMA_GGUF_SPLIT      (pip install gguf==0.19.0 numpy)

golden.gguf        every value type, alone and in arrays; one tensor of every type that is read, filled with the bytes
                   0, 1, 2, ...
aligned.gguf       general.alignment 128, no tensor
split-0000*.gguf   golden.gguf's tensors, 8 in a part
golden_test.cc knows the values.
"""
import pathlib
import subprocess
import sys

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFValueType as V

HERE = pathlib.Path(__file__).resolve().parent
SCALARS = {
    V.UINT8: 200, V.INT8: -100, V.UINT16: 60000, V.INT16: -30000, V.UINT32: 4000000000, V.INT32: -2000000000,
    V.FLOAT32: 0.15625, V.BOOL: True, V.STRING: 'naïve ▁', V.UINT64: 2**63 + 1, V.INT64: -2**62, V.FLOAT64: 0.1,
}
ARRAYS = {
    V.UINT8: b'\x00\xff', V.INT8: [-128, 127], V.UINT16: [0, 65535], V.INT16: [-32768, 32767], V.UINT32: [0, 2**32 - 1],
    V.INT32: [-2**31, 2**31 - 1], V.FLOAT32: [-0.5, 1e30], V.BOOL: [True, False, True], V.STRING: ['', 'a b', '<0x0A>'],
    V.UINT64: [0, 2**64 - 1], V.INT64: [-2**63, 2**63 - 1], V.FLOAT64: [-0.1, 1e300],
}
TYPES = [T.F32, T.F16, T.BF16, T.I8, T.I16, T.I32, T.I64, T.F64, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q2_K, T.Q3_K,
         T.Q4_K, T.Q5_K, T.Q6_K, T.IQ4_NL, T.IQ4_XS, T.MXFP4, T.NVFP4]


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def golden(path):
    writer = gguf.GGUFWriter(path, 'llama')
    for kind, value in SCALARS.items():
        writer.add_key_value('scalar.' + kind.name.lower(), value, kind)
    for kind, value in ARRAYS.items():
        writer.add_key_value('array.' + kind.name.lower(), value, V.ARRAY, sub_type=kind)
    for kind in TYPES:
        block, size = gguf.GGML_QUANT_SIZES[kind]
        row = max(block, 3)
        data = np.arange(2 * row // block * size, dtype=np.uint64).astype(np.uint8)
        writer.add_tensor(kind.name.lower(), data.reshape(2, -1), raw_shape=(2, row // block * size), raw_dtype=kind)
    finish(writer)


def aligned(path):
    writer = gguf.GGUFWriter(path, 'llama')
    writer.add_custom_alignment(128)
    finish(writer)


def main():
    golden(HERE / 'golden.gguf')
    aligned(HERE / 'aligned.gguf')
    subprocess.run([sys.argv[1], '--split', '--split-max-tensors', '8', HERE / 'golden.gguf', HERE / 'split'], check=True)


main()
