// Operations that are products: of activations with weights, and of a linear's inputs with themselves.
#ifndef NIBBLE_DEVICE_CUDA_PRODUCTS_H_
#define NIBBLE_DEVICE_CUDA_PRODUCTS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "device/cuda/elementwise.h"
#include "device/cuda/kernel.h"
#include "device/cuda/product.h"
#include "device/cuda/scratch.h"
#include "device/operations.h"

namespace nibble::cuda {

template <typename Backend>
void Multiply(Device& device, ConstMatrix x, ConstMatrix w, const float* bias, Matrix y, bool bf16) {
  auto& backend = static_cast<Backend&>(device);
  backend.Multiply({.m = y.rows,
                    .n = y.cols,
                    .k = x.cols,
                    .a = {x.data, x.cols},
                    .b = {w.data, w.cols, /*transposed=*/true},
                    .c = y.data,
                    .c_stride = y.cols,
                    .bf16 = bf16});
  if (bias != nullptr) backend.ForEach(y.rows * y.cols, AddBiasKernel{bias, y});
}

template <typename Backend>
void MatMul(Device& device, ConstMatrix x, ConstMatrix w, const float* bias, Matrix y) {
  Multiply<Backend>(device, x, w, bias, y, /*bf16=*/false);
}

template <typename Backend>
void Linear(Device& device, ConstMatrix x, ConstMatrix w, const float* bias, Matrix y) {
  Multiply<Backend>(device, x, w, bias, y, static_cast<Backend&>(device).bf16());
}

template <typename Backend>
void CrossGram(Device& device, ConstMatrix x, ConstMatrix y, Matrix c) {
  auto& backend = static_cast<Backend&>(device);
  backend.Multiply({.m = c.rows,
                    .n = c.cols,
                    .k = x.rows,
                    .a = {x.data, x.cols, /*transposed=*/true},
                    .b = {y.data, y.cols},
                    .beta = 1,
                    .c = c.data,
                    .c_stride = c.cols,
                    .bf16 = backend.bf16()});
}

// What is below the diagonal goes above it: a library's product need not be symmetric to the last bit.
struct MirrorKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const {
    const int64_t row = i / h.cols, col = i % h.cols;
    if (col > row) h.data[i] = h.row(col)[row];
  }

  Matrix h;
};

template <typename Backend>
void Gram(Device& device, ConstMatrix x, Matrix h) {
  CrossGram<Backend>(device, x, x, h);
  static_cast<Backend&>(device).ForEach(h.rows * h.cols, MirrorKernel{h});
}

// Sums over kRows rows at a time, then those sums over the columns: rows enough for all threads, in a fixed order.
struct SquaresKernel {
  static constexpr int64_t kRows = 64;

  NIBBLE_HOST_DEVICE void operator()(int64_t i) const {
    const int64_t first = i / x.cols * kRows, col = i % x.cols;
    const int64_t last = first + kRows < x.rows ? first + kRows : x.rows;
    double sum = 0;
    for (int64_t row = first; row < last; ++row) sum += static_cast<double>(x.row(row)[col]) * x.row(row)[col];
    partial[i] = sum;
  }

  ConstMatrix x;
  double* partial;  // [ceil(rows / kRows), cols]
};

struct AddPartialsKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t col) const {
    for (int64_t i = 0; i < count; ++i) sums[col] += partial[i * cols + col];
  }

  const double* partial;  // [count, cols]
  int64_t count, cols;
  double* sums;
};

template <typename Backend>
void AddSquares(Device& device, ConstMatrix x, absl::Span<double> sums) {
  auto& backend = static_cast<Backend&>(device);
  const int64_t count = (x.rows + SquaresKernel::kRows - 1) / SquaresKernel::kRows;
  const Scratch<double> partial(backend, count * x.cols), total(backend, absl::Span<const double>(sums));
  if (!partial.ok() || !total.ok()) return;
  backend.ForEach(count * x.cols, SquaresKernel{x, partial.data()});
  backend.ForEach(x.cols, AddPartialsKernel{partial.data(), count, x.cols, total.data()});
  backend.CopyOut(total.data(), sums.size() * sizeof(double), sums.data());
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_PRODUCTS_H_
