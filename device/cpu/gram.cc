#include <algorithm>

#include "device/cpu/cpu_device.h"
#include "device/cpu/gemm.h"
#include "device/cpu/operations.h"
#include "device/cpu/work.h"

namespace nibble::cpu {
namespace {

constexpr int64_t kTile = 192;
constexpr int64_t kColumns = 64;  // that one thread sums at a time

}  // namespace

void AddSquares(Device& device, ConstMatrix x, absl::Span<double> sums) {
  const int threads = ThreadsFor(device, x.rows * x.cols);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t first = 0; first < x.cols; first += kColumns) {
    const int64_t last = std::min(first + kColumns, x.cols);
    for (int64_t t = 0; t < x.rows; ++t) {
      const float* row = x.row(t);
      for (int64_t j = first; j < last; ++j) sums[j] += static_cast<double>(row[j]) * row[j];
    }
  }
}

// The tiles on and below the diagonal are computed, then mirrored.
void Gram(Device& device, ConstMatrix x, Matrix h) {
  auto& cpu = static_cast<CpuDevice&>(device);
  const int64_t n = x.cols, across = (n + kTile - 1) / kTile;
  const int threads = ThreadsFor(cpu, x.rows * n * n / 2);
#pragma omp parallel num_threads(threads)
  {
#pragma omp for schedule(dynamic)
    for (int64_t tile = 0; tile < across * across; ++tile) {
      const int64_t row = tile / across * kTile, col = tile % across * kTile;
      if (col > row) continue;
      Gemm(cpu, std::min(kTile, n - row), std::min(kTile, n - col), x.rows, 1, {x.data + row, x.cols, Transpose::kYes},
           {x.data + col, x.cols}, 1, {h.row(row) + col, n});
    }
#pragma omp for schedule(static)
    for (int64_t row = 0; row < n; ++row) {
      for (int64_t col = row + 1; col < n; ++col) h.row(row)[col] = h.row(col)[row];
    }
  }
}

void CrossGram(Device& device, ConstMatrix x, ConstMatrix y, Matrix c) {
  auto& cpu = static_cast<CpuDevice&>(device);
  const int64_t down = (c.rows + kTile - 1) / kTile, across = (c.cols + kTile - 1) / kTile;
  const int threads = ThreadsFor(cpu, x.rows * c.rows * c.cols);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int64_t tile = 0; tile < down * across; ++tile) {
    const int64_t row = tile / across * kTile, col = tile % across * kTile;
    Gemm(cpu, std::min(kTile, c.rows - row), std::min(kTile, c.cols - col), x.rows, 1,
         {x.data + row, x.cols, Transpose::kYes}, {y.data + col, y.cols}, 1, {c.row(row) + col, c.cols});
  }
}

}  // namespace nibble::cpu
