// Cholesky factors and what is solved with them: small triangles by kernels, products between them.
#ifndef NIBBLE_DEVICE_CUDA_CHOLESKY_H_
#define NIBBLE_DEVICE_CUDA_CHOLESKY_H_

#include <math.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "device/cuda/kernel.h"
#include "device/cuda/product.h"
#include "device/cuda/scratch.h"
#include "device/operations.h"

namespace nibble::cuda {

inline constexpr int kTriangle = 64;  // columns that a kernel takes at a time

// Factors columns [begin, end) of the block on the diagonal, in double. Does nothing once a pivot was not positive.
struct FactorTriangleKernel {
  struct Shared {
    double l[kTriangle][kTriangle + 1];
    bool good;
  };

  NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
    const int n = static_cast<int>(end - begin);
    block.Step([&](int thread) {
      if (thread == 0) shared.good = *failed < 0;
      for (int i = thread; i < n * n; i += kThreads) shared.l[i / n][i % n] = a.row(begin + i / n)[begin + i % n];
    });
    for (int j = 0; j < n; ++j) {
      if (!block.Read(shared.good)) return;
      block.Step([&](int thread) {
        if (thread > 0) return;
        const double pivot = shared.l[j][j];
        shared.good = pivot > 0 && pivot <= kLargest;
        if (!shared.good) *failed = begin + j;
        shared.l[j][j] = sqrt(pivot);
      });
      block.Step([&](int thread) {
        for (int i = j + 1 + thread; i < n; i += kThreads) shared.l[i][j] /= shared.l[j][j];
      });
      block.Step([&](int thread) {
        const int left = n - 1 - j;
        for (int i = thread; i < left * left; i += kThreads) {
          const int row = j + 1 + i / left, col = j + 1 + i % left;
          if (col <= row) shared.l[row][col] -= shared.l[row][j] * shared.l[col][j];
        }
      });
    }
    block.Step([&](int thread) {
      for (int i = thread; i < n * n; i += kThreads) {
        if (i % n <= i / n) a.row(begin + i / n)[begin + i % n] = static_cast<float>(shared.l[i / n][i % n]);
      }
    });
  }

  static constexpr double kLargest = 3.4028234663852886e38;  // beyond: infinite as a float

  Matrix a;
  int64_t begin, end;
  int64_t* failed;  // the first column without a positive pivot, or -1
};

// Columns [begin, end) of a row of y L^T = b, those before them done; in b's place.
struct SolveForwardKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t index) const {
    float* const row = b.row(first_row + index);
    for (int64_t j = begin; j < end; ++j) {
      double rest = row[j];
      for (int64_t i = begin; i < j; ++i) rest -= static_cast<double>(row[i]) * l.row(j)[i];
      row[j] = static_cast<float>(rest / l.row(j)[j]);
    }
  }

  ConstMatrix l;
  int64_t begin, end;
  Matrix b;
  int64_t first_row;
};

// Columns [begin, end) of a row of x L = b, those behind them done; in b's place.
struct SolveBackwardKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t index) const {
    float* const row = b.row(index);
    for (int64_t j = end; j-- > begin;) {
      double rest = row[j];
      for (int64_t i = j + 1; i < end; ++i) rest -= static_cast<double>(row[i]) * l.row(i)[j];
      row[j] = static_cast<float>(rest / l.row(j)[j]);
    }
  }

  ConstMatrix l;
  int64_t begin, end;
  Matrix b;
};

struct ClearAboveDiagonalKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const {
    if (i % a.cols > i / a.cols) a.data[i] = 0;
  }

  Matrix a;
};

// Right-looking and blocked. Of what is left, tiles of columns from the diagonal down.
template <typename Backend>
int64_t FactorByKernels(Backend& backend, Matrix a) {
  constexpr int64_t kTile = 512, kNone = -1;
  const int64_t n = a.rows;
  const Scratch<int64_t> failed(backend, absl::MakeConstSpan(&kNone, 1));
  if (!failed.ok()) return kNone;
  for (int64_t begin = 0; begin < n; begin += kTriangle) {
    const int64_t end = std::min(begin + kTriangle, n);
    backend.ForEachBlock(1, FactorTriangleKernel{a, begin, end, failed.data()});
    backend.ForEach(n - end, SolveForwardKernel{a, begin, end, a, end});
    for (int64_t tile = end; tile < n; tile += kTile) {
      backend.Multiply({.m = n - tile,
                        .n = std::min(kTile, n - tile),
                        .k = end - begin,
                        .alpha = -1,
                        .a = {a.row(tile) + begin, n},
                        .b = {a.row(tile) + begin, n, /*transposed=*/true},
                        .beta = 1,
                        .c = a.row(tile) + tile,
                        .c_stride = n});
    }
  }
  int64_t result = kNone;
  backend.CopyOut(failed.data(), sizeof(result), &result);
  return backend.ok() ? result : kNone;  // a device that failed says so at the next Download
}

template <typename Backend>
int64_t Cholesky(Device& device, Matrix a) {
  auto& backend = static_cast<Backend&>(device);
  const std::optional<int64_t> by_library = backend.FactorByLibrary(a);
  const int64_t failed = by_library ? *by_library : FactorByKernels(backend, a);
  if (failed < 0) backend.ForEach(a.rows * a.cols, ClearAboveDiagonalKernel{a});
  return failed;
}

template <typename Backend>
void CholeskySolve(Device& device, ConstMatrix factor, Matrix b) {
  auto& backend = static_cast<Backend&>(device);
  const int64_t n = factor.cols;
  for (int64_t begin = 0; begin < n; begin += kTriangle) {
    const int64_t end = std::min(begin + kTriangle, n);
    if (begin > 0) {
      backend.Multiply({.m = b.rows,
                        .n = end - begin,
                        .k = begin,
                        .alpha = -1,
                        .a = {b.data, n},
                        .b = {factor.row(begin), n, /*transposed=*/true},
                        .beta = 1,
                        .c = b.data + begin,
                        .c_stride = n});
    }
    backend.ForEach(b.rows, SolveForwardKernel{factor, begin, end, b, 0});
  }
  for (int64_t begin = (n - 1) / kTriangle * kTriangle; begin >= 0; begin -= kTriangle) {
    const int64_t end = std::min(begin + kTriangle, n);
    if (end < n) {
      backend.Multiply({.m = b.rows,
                        .n = end - begin,
                        .k = n - end,
                        .alpha = -1,
                        .a = {b.data + end, n},
                        .b = {factor.row(end) + begin, n},
                        .beta = 1,
                        .c = b.data + begin,
                        .c_stride = n});
    }
    backend.ForEach(b.rows, SolveBackwardKernel{factor, begin, end, b});
  }
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_CHOLESKY_H_
