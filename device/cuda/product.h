// Products of matrices: what an operation asks its backend for, and the kernel that is there without a library.
#ifndef NIBBLE_DEVICE_CUDA_PRODUCT_H_
#define NIBBLE_DEVICE_CUDA_PRODUCT_H_

#include <math.h>

#include <cstdint>

#include "device/cuda/kernel.h"
#include "quant/block/host_device.h"

namespace nibble::cuda {

// A matrix of a batch of them, `batch_stride` floats apart: rows lie `stride` floats apart.
struct Operand {
  const float* data;
  int64_t stride;
  bool transposed = false;  // what it stands for is its transpose
  int64_t batch_stride = 0;

  NIBBLE_HOST_DEVICE float At(int64_t batch, int64_t row, int64_t col) const {
    return data[batch * batch_stride + (transposed ? col * stride + row : row * stride + col)];
  }
};

// Of the batch's matrices c [m, n] = alpha a b + beta c, a [m, k], b [k, n]. With beta 0 c's old values do not count.
struct Product {
  int64_t m, n, k;
  int64_t batch = 1;
  float alpha = 1;
  Operand a, b;
  float beta = 0;
  float* c;
  int64_t c_stride;
  int64_t c_batch_stride = 0;
  bool bf16 = false;  // a's and b's elements are rounded to bf16; sums stay float32
};

// To nearest, ties to even. A NaN stays one.
NIBBLE_HOST_DEVICE inline float RoundToBf16(float value) {
  const uint32_t bits = BitCast<uint32_t>(value);
  if (value != value) return BitCast<float>((bits | 0x400000) & 0xffff0000);
  return BitCast<float>((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
}

// A block makes one tile of c, a thread kSpan x kSpan of its elements.
struct ProductKernel {
  static constexpr int kTile = 64, kDepth = 16, kSpan = 4;
  static constexpr int kAcross = kTile / kSpan;
  static_assert(kAcross * kAcross == kThreads);

  struct Shared {
    float a[kDepth][kTile + 1], b[kDepth][kTile + 1];
  };
  struct Sums {
    float of[kSpan][kSpan];
  };

  NIBBLE_HOST_DEVICE int64_t TilesAcross() const { return (p.n + kTile - 1) / kTile; }
  NIBBLE_HOST_DEVICE int64_t Tiles() const { return TilesAcross() * ((p.m + kTile - 1) / kTile); }
  NIBBLE_HOST_DEVICE int64_t Blocks() const { return Tiles() * p.batch; }

  NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
    const int64_t batch = block.index() / Tiles(), tile = block.index() % Tiles();
    const int64_t row = tile / TilesAcross() * kTile, col = tile % TilesAcross() * kTile;
    PerThread<Sums> sums;
    for (int64_t depth = 0; depth < p.k; depth += kDepth) {
      block.Step([&](int thread) { Load(batch, row, col, depth, thread, shared); });
      block.Step([&](int thread) { Multiply(shared, thread, sums[thread]); });
    }
    block.Step([&](int thread) { Store(batch, row, col, thread, sums[thread]); });
  }

  // Neighbouring threads read neighbouring floats.
  NIBBLE_HOST_DEVICE void Load(int64_t batch, int64_t row, int64_t col, int64_t depth, int thread,
                               Shared& shared) const {
    for (int i = thread; i < kTile * kDepth; i += kThreads) {
      const int ai = p.a.transposed ? i % kTile : i / kDepth, ak = p.a.transposed ? i / kTile : i % kDepth;
      const int bj = p.b.transposed ? i / kDepth : i % kTile, bk = p.b.transposed ? i % kDepth : i / kTile;
      const bool a_inside = row + ai < p.m && depth + ak < p.k, b_inside = col + bj < p.n && depth + bk < p.k;
      shared.a[ak][ai] = a_inside ? Rounded(p.a.At(batch, row + ai, depth + ak)) : 0.0f;
      shared.b[bk][bj] = b_inside ? Rounded(p.b.At(batch, depth + bk, col + bj)) : 0.0f;
    }
  }

  NIBBLE_HOST_DEVICE float Rounded(float value) const { return p.bf16 ? RoundToBf16(value) : value; }

  NIBBLE_HOST_DEVICE static void Multiply(const Shared& shared, int thread, Sums& sums) {
    for (int k = 0; k < kDepth; ++k) {
      for (int i = 0; i < kSpan; ++i) {
        for (int j = 0; j < kSpan; ++j) {
          sums.of[i][j] = fmaf(shared.a[k][Row(thread, i)], shared.b[k][Col(thread, j)], sums.of[i][j]);
        }
      }
    }
  }

  NIBBLE_HOST_DEVICE void Store(int64_t batch, int64_t row, int64_t col, int thread, const Sums& sums) const {
    for (int i = 0; i < kSpan; ++i) {
      for (int j = 0; j < kSpan; ++j) {
        const int64_t r = row + Row(thread, i), c = col + Col(thread, j);
        if (r < p.m && c < p.n) StoreSum(batch, r, c, sums.of[i][j]);
      }
    }
  }

  NIBBLE_HOST_DEVICE void StoreSum(int64_t batch, int64_t row, int64_t col, float sum) const {
    float& out = p.c[batch * p.c_batch_stride + row * p.c_stride + col];
    out = p.alpha * sum + (p.beta == 0 ? 0.0f : p.beta * out);
  }

  NIBBLE_HOST_DEVICE static int Row(int thread, int i) { return thread / kAcross + i * kAcross; }
  NIBBLE_HOST_DEVICE static int Col(int thread, int j) { return thread % kAcross + j * kAcross; }

  Product p;
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_PRODUCT_H_
