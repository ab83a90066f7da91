// Normalization, a block of threads for each row.
#ifndef NIBBLE_DEVICE_CUDA_NORMS_H_
#define NIBBLE_DEVICE_CUDA_NORMS_H_

#include <math.h>

#include <cstdint>

#include "device/cuda/kernel.h"
#include "device/operations.h"

namespace nibble::cuda {

struct RowSums {
  double sums[kThreads];
};

// Over the row's columns, of what `term` makes of each. All threads have it.
template <typename Term>
NIBBLE_HOST_DEVICE double SumOverColumns(Block block, RowSums& shared, int64_t cols, const Term& term) {
  block.Step([&](int thread) {
    double sum = 0;
    for (int64_t col = thread; col < cols; col += kThreads) sum += term(col);
    shared.sums[thread] = sum;
  });
  return Reduce(block, shared.sums, Plus());
}

struct RmsNormKernel {
  using Shared = RowSums;

  NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
    const float* in = x.row(block.index());
    float* out = y.row(block.index());
    const double squares =
        SumOverColumns(block, shared, x.cols, [&](int64_t col) { return static_cast<double>(in[col]) * in[col]; });
    const float inverse = static_cast<float>(1 / sqrt(squares / x.cols + epsilon));
    block.Step([&](int thread) {
      for (int64_t col = thread; col < x.cols; col += kThreads) {
        out[col] = in[col] * inverse * (weight == nullptr ? 1.0f : weight[col]);
      }
    });
  }

  ConstMatrix x;
  const float* weight;
  float epsilon;
  Matrix y;
};

struct LayerNormKernel {
  using Shared = RowSums;

  NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
    const float* in = x.row(block.index());
    float* out = y.row(block.index());
    const double mean =
        SumOverColumns(block, shared, x.cols, [&](int64_t col) { return static_cast<double>(in[col]); }) / x.cols;
    const double squares =
        SumOverColumns(block, shared, x.cols, [&](int64_t col) { return (in[col] - mean) * (in[col] - mean); });
    const double inverse = 1 / sqrt(squares / x.cols + epsilon);
    block.Step([&](int thread) {
      for (int64_t col = thread; col < x.cols; col += kThreads) {
        const float normed = static_cast<float>((in[col] - mean) * inverse);
        out[col] = normed * weight[col] + (bias == nullptr ? 0.0f : bias[col]);
      }
    });
  }

  ConstMatrix x;
  const float* weight;
  const float* bias;
  float epsilon;
  Matrix y;
};

template <typename Backend>
void RmsNorm(Device& device, ConstMatrix x, const float* weight, float epsilon, Matrix y) {
  static_cast<Backend&>(device).ForEachBlock(x.rows, RmsNormKernel{x, weight, epsilon, y});
}

template <typename Backend>
void LayerNorm(Device& device, ConstMatrix x, const float* weight, const float* bias, float epsilon, Matrix y) {
  static_cast<Backend&>(device).ForEachBlock(x.rows, LayerNormKernel{x, weight, bias, epsilon, y});
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_NORMS_H_
