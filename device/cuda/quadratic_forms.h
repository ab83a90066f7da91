// What errors weigh under a symmetric matrix, by products of half of it: a block of columns at a time, no further than
// to the diagonal.
#ifndef NIBBLE_DEVICE_CUDA_QUADRATIC_FORMS_H_
#define NIBBLE_DEVICE_CUDA_QUADRATIC_FORMS_H_

#include <algorithm>
#include <cstdint>

#include "absl/types/span.h"
#include "device/cuda/kernel.h"
#include "device/cuda/product.h"
#include "device/cuda/scratch.h"
#include "device/operations.h"
#include "quant/block/host_device.h"

namespace nibble::cuda {

// Of rows [begin, begin + cols) of h: what is on the diagonal once, left of it twice, right of it not.
struct LowerBlockKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const {
    const int64_t j = i / cols, k = i % cols;
    lower[i] = k > j ? 0.0f : h.row(begin + j)[begin + k] * (k == j ? 1.0f : 2.0f);
  }

  ConstMatrix h;
  int64_t begin, cols;
  float* lower;  // [cols, cols]
};

struct AddFormsKernel {
  struct Shared {
    double sums[kThreads];
  };

  NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
    const float *const row = x.row(block.index()) + begin, *const with = product + block.index() * cols;
    block.Step([&](int thread) {
      double sum = 0;
      for (int64_t j = thread; j < cols; j += kThreads)
        sum += static_cast<double>(weights[begin + j]) * row[j] * with[j];
      shared.sums[thread] = sum;
    });
    const double sum = Reduce(block, shared.sums, Plus());
    block.Step([&](int thread) {
      if (thread == 0) sums[block.index()] = (begin == 0 ? 0.0 : sums[block.index()]) + sum;
    });
  }

  ConstMatrix x;
  int64_t begin, cols;
  const float* product;  // [rows, cols]
  const float* weights;
  double* sums;  // [rows]
};

template <typename Backend>
void QuadraticForms(Device& device, ConstMatrix x, ConstMatrix h, const float* weights, absl::Span<double> sums) {
  constexpr int64_t kColumns = 512;
  auto& backend = static_cast<Backend&>(device);
  const int64_t widest = std::min(kColumns, x.cols);
  const Scratch<float> product(backend, x.rows * widest), lower(backend, widest * widest);
  const Scratch<double> found(backend, x.rows);
  if (!product.ok() || !lower.ok() || !found.ok()) return;
  for (int64_t begin = 0; begin < x.cols; begin += kColumns) {
    const int64_t cols = std::min(kColumns, x.cols - begin);
    if (begin > 0) {
      backend.Multiply({.m = x.rows,
                        .n = cols,
                        .k = begin,
                        .alpha = 2,
                        .a = {x.data, x.cols},
                        .b = {h.row(begin), h.cols, /*transposed=*/true},
                        .c = product.data(),
                        .c_stride = cols});
    }
    backend.ForEach(cols * cols, LowerBlockKernel{h, begin, cols, lower.data()});
    backend.Multiply({.m = x.rows,
                      .n = cols,
                      .k = cols,
                      .a = {x.data + begin, x.cols},
                      .b = {lower.data(), cols, /*transposed=*/true},
                      .beta = begin > 0 ? 1.0f : 0.0f,
                      .c = product.data(),
                      .c_stride = cols});
    backend.ForEachBlock(x.rows, AddFormsKernel{x, begin, cols, product.data(), weights, found.data()});
  }
  backend.CopyOut(found.data(), x.rows * sizeof(double), sums.data());
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_QUADRATIC_FORMS_H_
