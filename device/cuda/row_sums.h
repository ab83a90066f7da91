// What is told of many values at once, by a block of threads for each row.
#ifndef NIBBLE_DEVICE_CUDA_ROW_SUMS_H_
#define NIBBLE_DEVICE_CUDA_ROW_SUMS_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "device/cuda/kernel.h"
#include "device/cuda/scratch.h"
#include "device/operations.h"
#include "quant/block/host_device.h"

namespace nibble::cuda {

// Without its sign a float's bits order it as an integer, infinities and NaNs last.
struct LargestMagnitudeKernel {
  struct Shared {
    uint32_t largest[kThreads];
  };

  NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
    const int64_t first = block.index() * each, last = first + each < count ? first + each : count;
    block.Step([&](int thread) {
      uint32_t largest = 0;
      for (int64_t i = first + thread; i < last; i += kThreads) {
        largest = Larger()(largest, BitCast<uint32_t>(values[i]) & 0x7fffffff);
      }
      shared.largest[thread] = largest;
    });
    const uint32_t largest = Reduce(block, shared.largest, Larger());
    block.Step([&](int thread) {
      if (thread == 0) found[block.index()] = largest;
    });
  }

  const float* values;
  int64_t count, each;  // in all, and of a block
  uint32_t* found;      // [blocks]
};

struct DotRowsKernel {
  struct Shared {
    double sums[kThreads];
  };

  NIBBLE_HOST_DEVICE void operator()(Block block, Shared& shared) const {
    const float *const x = a.row(block.index()), *const y = b.row(block.index());
    block.Step([&](int thread) {
      double sum = 0;
      for (int64_t j = thread; j < a.cols; j += kThreads) {
        sum += (weights == nullptr ? 1.0 : static_cast<double>(weights[j])) * x[j] * y[j];
      }
      shared.sums[thread] = sum;
    });
    const double sum = Reduce(block, shared.sums, Plus());
    block.Step([&](int thread) {
      if (thread == 0) sums[block.index()] = sum;
    });
  }

  ConstMatrix a, b;
  const float* weights;  // [cols] or null
  double* sums;          // [rows]
};

template <typename Backend>
float LargestMagnitude(Device& device, ConstMatrix values) {
  constexpr int64_t kLeast = 1 << 14, kMostBlocks = 1 << 12;
  auto& backend = static_cast<Backend&>(device);
  const int64_t count = values.rows * values.cols;
  if (count == 0) return 0;
  const int64_t each = std::max(kLeast, (count + kMostBlocks - 1) / kMostBlocks), blocks = (count + each - 1) / each;
  const Scratch<uint32_t> found(backend, blocks);
  if (!found.ok()) return 0;
  backend.ForEachBlock(blocks, LargestMagnitudeKernel{values.data, count, each, found.data()});
  std::vector<uint32_t> largest(blocks);
  backend.CopyOut(found.data(), largest.size() * sizeof(uint32_t), largest.data());
  return BitCast<float>(*std::max_element(largest.begin(), largest.end()));
}

template <typename Backend>
void DotRows(Device& device, ConstMatrix a, ConstMatrix b, const float* weights, absl::Span<double> sums) {
  auto& backend = static_cast<Backend&>(device);
  const Scratch<double> found(backend, a.rows);
  if (!found.ok()) return;
  backend.ForEachBlock(a.rows, DotRowsKernel{a, b, weights, found.data()});
  backend.CopyOut(found.data(), a.rows * sizeof(double), sums.data());
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_ROW_SUMS_H_
