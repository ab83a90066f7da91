#include <algorithm>
#include <cmath>

#include "device/cpu/cpu_device.h"
#include "device/cpu/gemm.h"
#include "device/cpu/operations.h"
#include "device/cpu/work.h"

namespace nibble::cpu {
namespace {

constexpr int64_t kBlock = 96;  // columns factored at a time
constexpr int64_t kTile = 192;  // of what is left
constexpr int64_t kSideBySide = 8;

// sum a[i] * b[i]
double Dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// The block on the diagonal. Returns the first column without a positive pivot, or -1.
int64_t FactorBlock(Matrix a, int64_t begin, int64_t end) {
  for (int64_t j = begin; j < end; ++j) {
    const double pivot = a.row(j)[j] - Dot(a.row(j) + begin, a.row(j) + begin, j - begin);
    if (!(pivot > 0) || !std::isfinite(pivot)) return j;
    const double root = std::sqrt(pivot);
    a.row(j)[j] = static_cast<float>(root);
    for (int64_t i = j + 1; i < end; ++i) {
      const double rest = a.row(i)[j] - Dot(a.row(i) + begin, a.row(j) + begin, j - begin);
      a.row(i)[j] = static_cast<float>(rest / root);
    }
  }
  return -1;
}

// Rows below that block, each row of L = (row of a) (block^T)^-1: side by side, as a row's sums wait for one another.
void SolveRows(Matrix a, int64_t begin, int64_t end, int64_t first, int64_t count) {
  double rows[kBlock][kSideBySide] = {};
  for (int64_t j = begin; j < end; ++j) {
    const float* across = a.row(j) + begin;
    double sums[kSideBySide] = {};
    for (int64_t k = 0; k < j - begin; ++k) {
      for (int64_t r = 0; r < kSideBySide; ++r) sums[r] += rows[k][r] * across[k];
    }
    for (int64_t r = 0; r < count; ++r) {
      float& element = a.row(first + r)[j];
      element = static_cast<float>((element - sums[r]) / a.row(j)[j]);
      rows[j - begin][r] = element;
    }
  }
}

}  // namespace

// Right-looking and blocked.
int64_t Cholesky(Device& device, Matrix a) {
  auto& cpu = static_cast<CpuDevice&>(device);
  const int64_t n = a.rows;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, n), left = n - end, across = (left + kTile - 1) / kTile;
    if (const int64_t failed = FactorBlock(a, begin, end); failed >= 0) return failed;
    const int threads = ThreadsFor(cpu, left * left * kBlock);
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
      for (int64_t row = end; row < n; row += kSideBySide) {
        SolveRows(a, begin, end, row, std::min(kSideBySide, n - row));
      }
#pragma omp for schedule(dynamic)
      for (int64_t tile = 0; tile < across * across; ++tile) {
        const int64_t row = end + tile / across * kTile, col = end + tile % across * kTile;
        if (col > row) continue;
        Gemm(cpu, std::min(kTile, n - row), std::min(kTile, n - col), end - begin, -1, {a.row(row) + begin, n},
             {a.row(col) + begin, n, Transpose::kYes}, 1, {a.row(row) + col, n});
      }
    }
  }
  for (int64_t row = 0; row < n; ++row) std::fill(a.row(row) + row + 1, a.row(row) + n, 0.0f);
  return -1;
}

}  // namespace nibble::cpu
