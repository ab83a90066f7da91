#include <algorithm>
#include <cstdint>
#include <vector>

#include "device/cpu/cpu_device.h"
#include "device/cpu/gemm.h"
#include "device/cpu/operations.h"
#include "device/cpu/work.h"

namespace nibble::cpu {
namespace {

constexpr int64_t kTileRows = 10 * kSteadyRows;
constexpr int64_t kTileCols = 128;

// x times a tile of h's rows, and no further than to the diagonal: what lies left of the tile stands for what lies
// below it as well.
class Tile {
 public:
  Tile(CpuDevice& device, ConstMatrix x, ConstMatrix h, const float* weights)
      : device_(device), x_(x), h_(h), weights_(weights), product_(kTileRows * kTileCols) {}

  // sums [end - begin]: the share of columns [col, last) of rows [begin, end).
  void Run(int64_t begin, int64_t end, int64_t col, int64_t last, double* sums) {
    const int64_t cols = last - col, rows = (end - begin + kSteadyRows - 1) / kSteadyRows * kSteadyRows;
    const float* x = x_.row(begin);
    if (rows != end - begin) {  // the last ones stand among zeros, so that a row's product is its own
      padded_.assign(rows * x_.cols, 0.0f);
      std::copy_n(x, (end - begin) * x_.cols, padded_.begin());
      x = padded_.data();
    }
    const Block product{product_.data(), cols};
    if (col > 0) {
      Gemm(device_, rows, cols, col, 2, {x, x_.cols}, {h_.row(col), h_.cols, Transpose::kYes}, 0, product);
    }
    diagonal_.assign(cols * cols, 0.0f);
    for (int64_t j = 0; j < cols; ++j) {
      for (int64_t i = 0; i <= j; ++i) diagonal_[j * cols + i] = h_.row(col + j)[col + i] * (i == j ? 1 : 2);
    }
    Gemm(device_, rows, cols, cols, 1, {x + col, x_.cols}, {diagonal_.data(), cols, Transpose::kYes}, col > 0 ? 1 : 0,
         product);
    for (int64_t r = begin; r < end; ++r) {
      const float* of_row = &product_[(r - begin) * cols];
      double sum = 0;
      for (int64_t j = 0; j < cols; ++j) sum += static_cast<double>(weights_[col + j]) * x_.row(r)[col + j] * of_row[j];
      sums[r - begin] = sum;
    }
  }

 private:
  CpuDevice& device_;
  const ConstMatrix x_, h_;
  const float* const weights_;
  std::vector<float> product_, padded_, diagonal_;
};

}  // namespace

void QuadraticForms(Device& device, ConstMatrix x, ConstMatrix h, const float* weights, absl::Span<double> sums) {
  auto& cpu = static_cast<CpuDevice&>(device);
  const int64_t n = x.cols, across = (n + kTileCols - 1) / kTileCols, down = (x.rows + kTileRows - 1) / kTileRows;
  std::vector<double> shares(across * x.rows);
#pragma omp parallel num_threads(ThreadsFor(cpu, x.rows* n* n))
  {
    Tile tile(cpu, x, h, weights);
#pragma omp for schedule(dynamic)
    for (int64_t i = 0; i < across * down; ++i) {
      const int64_t index = across - 1 - i / down;  // the longest first
      const int64_t begin = i % down * kTileRows, col = index * kTileCols;
      tile.Run(begin, std::min(begin + kTileRows, x.rows), col, std::min(col + kTileCols, n),
               &shares[index * x.rows + begin]);
    }
  }
  std::fill(sums.begin(), sums.end(), 0.0);
  for (int64_t index = 0; index < across; ++index) {
    for (int64_t r = 0; r < x.rows; ++r) sums[r] += shares[index * x.rows + r];
  }
}

}  // namespace nibble::cpu
