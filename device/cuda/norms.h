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

struct RmsNormKernel {
  using Shared = RowSums;

  NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
    const float* in = x.row(block.index());
    float* out = y.row(block.index());
    block.Step([&](int thread) {
      double sum = 0;
      for (int64_t col = thread; col < x.cols; col += kThreads) sum += static_cast<double>(in[col]) * in[col];
      shared.sums[thread] = sum;
    });
    const double squares = Reduce(block, shared.sums, Plus());
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
    block.Step([&](int thread) {
      double sum = 0;
      for (int64_t col = thread; col < x.cols; col += kThreads) sum += in[col];
      shared.sums[thread] = sum;
    });
    const double mean = Reduce(block, shared.sums, Plus()) / x.cols;
    block.Step([&](int thread) {
      double sum = 0;
      for (int64_t col = thread; col < x.cols; col += kThreads) sum += (in[col] - mean) * (in[col] - mean);
      shared.sums[thread] = sum;
    });
    const double inverse = 1 / sqrt(Reduce(block, shared.sums, Plus()) / x.cols + epsilon);
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
