// Rounding with error feedback: a thread takes its row through a block of columns, a product brings it what the blocks
// before have left.
#ifndef NIBBLE_DEVICE_CUDA_ROUND_COLUMNS_H_
#define NIBBLE_DEVICE_CUDA_ROUND_COLUMNS_H_

#include <math.h>

#include <algorithm>
#include <cstdint>

#include "absl/types/span.h"
#include "device/cuda/kernel.h"
#include "device/cuda/product.h"
#include "device/cuda/scratch.h"
#include "device/operations.h"

namespace nibble::cuda {

// The code of the level nearest to target, the first of equally near ones.
NIBBLE_HOST_DEVICE inline int NearestLevel(const float* levels, int64_t codes, float target) {
  int nearest = 0;
  float least = fabsf(target - levels[0]);
  for (int code = 1; code < codes; ++code) {
    const float distance = fabsf(target - levels[code]);
    if (distance < least) {
      least = distance;
      nearest = code;
    }
  }
  return nearest;
}

struct RoundColumnsKernel {
  static constexpr int kColumns = 64;

  NIBBLE_HOST_DEVICE void operator()(int64_t row) const {
    float errors[kColumns];
    for (int64_t j = begin; j < end; ++j) {
      float target = begin == 0 ? 0.0f : targets[row * kColumns + j - begin];
      for (int64_t i = begin; i < j; ++i) target += errors[i - begin] * coupling.row(j)[i];
      const float value = w.row(row)[j];
      const float* own = levels.row(row) + group[j] * count;
      const int code = NearestLevel(own, count, target + value);
      errors[j - begin] = value - own[code];
      w.row(row)[j] = target + value - own[code];
      error.row(row)[j] = errors[j - begin];
      codes[row * w.cols + j] = static_cast<uint8_t>(code);
    }
  }

  int64_t begin, end;    // the columns, at most kColumns
  const float* targets;  // [rows, kColumns]: what the columns before add; not read where there are none
  Matrix w;
  ConstMatrix coupling, levels;
  int64_t count;  // codes of a group
  const int32_t* group;
  Matrix error;
  uint8_t* codes;
};

template <typename Backend>
void RoundColumns(Device& device, const RoundColumnsArguments& arguments, Matrix error, absl::Span<uint8_t> codes) {
  constexpr int64_t kColumns = RoundColumnsKernel::kColumns;
  auto& backend = static_cast<Backend&>(device);
  const int64_t rows = arguments.w.rows, n = arguments.w.cols;
  const Scratch<float> targets(backend, rows * kColumns);
  const Scratch<uint8_t> chosen(backend, rows * n);
  const Scratch<int32_t> group(backend, arguments.group);
  if (!targets.ok() || !chosen.ok() || !group.ok()) return;
  for (int64_t begin = 0; begin < n; begin += kColumns) {
    const int64_t end = std::min(begin + kColumns, n);
    if (begin > 0) {
      backend.Multiply({.m = rows,
                        .n = end - begin,
                        .k = begin,
                        .a = {error.data, n},
                        .b = {arguments.coupling.row(begin), n, /*transposed=*/true},
                        .c = targets.data(),
                        .c_stride = kColumns});
    }
    backend.ForEach(rows, RoundColumnsKernel{begin, end, targets.data(), arguments.w, arguments.coupling,
                                             arguments.levels, arguments.codes, group.data(), error, chosen.data()});
  }
  backend.CopyOut(chosen.data(), codes.size(), codes.data());
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_ROUND_COLUMNS_H_
