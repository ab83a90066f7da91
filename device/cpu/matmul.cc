#include <algorithm>
#include <array>
#include <vector>

#include "device/cpu/cpu_device.h"
#include "device/cpu/gemm.h"
#include "device/cpu/operations.h"
#include "device/cpu/work.h"

namespace nibble::cpu {
namespace {

// Tiles of y: measured in docs/performance.md.
constexpr int64_t kTileRows = 256;
constexpr int64_t kTileCols = 128;

// With fewer rows of x every weight is used so few times that reading it is all the work: packing it for a tiled
// product would cost more than the product.
constexpr int64_t kFewRows = 4;

float Dot(const float* a, const float* b, int64_t n) {
  constexpr int kLanes = 16;
  std::array<float, kLanes> lanes = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < n; ++i) lanes[i % kLanes] += a[i] * b[i];
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  return lanes[0];
}

void ByDotProducts(CpuDevice& device, ConstMatrix x, ConstMatrix w, const float* bias, Matrix y) {
  const int threads = ThreadsFor(device, x.rows * w.rows * w.cols);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t out = 0; out < w.rows; ++out) {
    for (int64_t t = 0; t < x.rows; ++t) {
      y.row(t)[out] = Dot(x.row(t), w.row(out), w.cols) + (bias == nullptr ? 0 : bias[out]);
    }
  }
}

void AddBias(const float* bias, int64_t rows, int64_t cols, float* y, int64_t stride) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t col = 0; col < cols; ++col) y[row * stride + col] += bias[col];
  }
}

constexpr int64_t kSteadyTileRows = 10 * kSteadyRows;

// A tile by such multiples: the last rows stand among zeros.
void SteadyTile(CpuDevice& device, ConstMatrix x, ConstMatrix w, float* block, int64_t stride) {
  const int64_t rows = x.rows, cols = w.rows;
  const ConstBlock weights{w.data, w.cols, Transpose::kYes};
  const int64_t whole = rows / kSteadyRows * kSteadyRows, rest = rows - whole;
  if (whole > 0) Gemm(device, whole, cols, w.cols, 1, {x.data, x.cols}, weights, 0, {block, stride});
  if (rest == 0) return;
  std::vector<float> padded(kSteadyRows * x.cols), product(kSteadyRows * cols);
  std::copy_n(x.row(whole), rest * x.cols, padded.begin());
  Gemm(device, kSteadyRows, cols, w.cols, 1, {padded.data(), x.cols}, weights, 0, {product.data(), cols});
  for (int64_t row = 0; row < rest; ++row) {
    std::copy_n(product.begin() + row * cols, cols, block + (whole + row) * stride);
  }
}

void ByTiles(CpuDevice& device, ConstMatrix x, ConstMatrix w, const float* bias, Matrix y) {
  const int64_t across = (y.cols + kTileCols - 1) / kTileCols;
  const int64_t tile_rows = device.steady() ? kSteadyTileRows : kTileRows;
  const int64_t down = (y.rows + tile_rows - 1) / tile_rows;
  const int threads = ThreadsFor(device, x.rows * w.rows * w.cols);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int64_t tile = 0; tile < across * down; ++tile) {
    const int64_t row = tile / across * tile_rows;
    const int64_t col = tile % across * kTileCols;
    const int64_t rows = std::min(tile_rows, y.rows - row);
    const int64_t cols = std::min(kTileCols, y.cols - col);
    float* block = y.row(row) + col;
    if (device.steady()) {
      SteadyTile(device, x.Rows(row, row + rows), w.Rows(col, col + cols), block, y.cols);
    } else {
      Gemm(device, rows, cols, w.cols, 1, {x.row(row), x.cols}, {w.row(col), w.cols, Transpose::kYes}, 0,
           {block, y.cols});
    }
    if (bias != nullptr) AddBias(bias + col, rows, cols, block, y.cols);
  }
}

}  // namespace

void MatMul(Device& device, ConstMatrix x, ConstMatrix w, const float* bias, Matrix y) {
  auto& cpu = static_cast<CpuDevice&>(device);
  const bool few = x.rows < kFewRows && !cpu.steady();
  (few ? ByDotProducts : ByTiles)(cpu, x, w, bias, y);
}

}  // namespace nibble::cpu
