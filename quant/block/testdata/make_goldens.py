#!/usr/bin/env python3
"""Writes the golden files beside this script, by another implementation: gguf-py, and llama.cpp itself for the bytes
of NVFP4, which gguf-py cannot write (pip install gguf==0.19.0 llama-cpp-python==0.3.36 numpy).

  <format>.blocks   random blocks; their half scales are finite, everything else is any byte
  <format>.decoded  float32: what gguf-py decodes them to
  inputs.f32        float32 values of many magnitudes
  <format>.encoded  what the same encodes inputs.f32 to, for the formats with a plain rule

golden_test.cc compares bit by bit.
"""

import ctypes
import importlib.util
import pathlib

import gguf
import numpy as np

HERE = pathlib.Path(__file__).parent
# Where a block's half-precision fields lie.
HALVES = {
    "F16": [0], "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q2_K": [80, 82],
    "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0],
}
FORMATS = ["F32", "BF16", "MXFP4", "NVFP4", *HALVES]
WRITABLE = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "MXFP4"]


def random_blocks(rng, name):
    elements, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    count = max(4, 256 // elements)
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for offset in HALVES.get(name, []):
        halves = rng.integers(0, 0x7C00, count) | rng.integers(0, 2, count) << 15
        blocks[:, offset:offset + 2] = halves.astype("<u2").view(np.uint8).reshape(count, 2)
    if name in ("F32", "BF16"):  # the top byte decides NaN and infinity
        blocks[:, -1] &= 0xBF
    return blocks


def random_inputs(rng):
    """Rows of 64: Gaussian at scales from 2^-12 to 2^12, then long tails, one sign, few levels, equal values, zeros."""
    rows = [rng.standard_normal(64) * 2.0**k for k in range(-12, 13, 2)]
    rows += [rng.standard_t(3, 64) * 0.05 for _ in range(4)]
    rows += [np.abs(rng.standard_normal(64)), -np.abs(rng.standard_normal(64)), rng.integers(-3, 4, 64) * 0.25]
    rows += [np.full(64, 0.75), np.full(64, -0.3), np.zeros(64)]
    return np.array(rows, dtype=np.float32)


def llama_cpp_nvfp4(inputs):
    package = pathlib.Path(importlib.util.find_spec("llama_cpp").origin).parent
    ggml = ctypes.CDLL(str(package / "lib" / "libggml-base.so"))
    encoded = np.zeros(inputs.size // 64 * 36, dtype=np.uint8)
    ggml.quantize_row_nvfp4_ref(inputs.ctypes.data_as(ctypes.c_void_p), encoded.ctypes.data_as(ctypes.c_void_p),
                                ctypes.c_int64(inputs.size))
    return encoded


def main():
    rng = np.random.default_rng(20)
    inputs = random_inputs(rng)
    inputs.tofile(HERE / "inputs.f32")
    for name in FORMATS:
        kind = gguf.GGMLQuantizationType[name]
        blocks = random_blocks(rng, name)
        blocks.tofile(HERE / f"{name.lower()}.blocks")
        np.ascontiguousarray(gguf.dequantize(blocks, kind), dtype=np.float32).tofile(HERE / f"{name.lower()}.decoded")
        if name in WRITABLE:
            np.ascontiguousarray(gguf.quantize(inputs, kind)).tofile(HERE / f"{name.lower()}.encoded")
    llama_cpp_nvfp4(inputs).tofile(HERE / "nvfp4.encoded")


if __name__ == "__main__":
    main()
