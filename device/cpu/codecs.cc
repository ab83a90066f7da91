#include <algorithm>
#include <cstdint>
#include <vector>

#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/device.h"
#include "quant/block/encode_rows.h"
#include "quant/block/format.h"

namespace nibble::cpu {
namespace {

constexpr int64_t kElements = 1 << 14;  // that a thread takes at a time

// run(first block, how many) until all `blocks` are done.
template <typename Run>
void InRuns(Device& device, const BlockFormat& format, int64_t blocks, Run run) {
  const int64_t step = std::max<int64_t>(1, kElements / format.block_elements);
#pragma omp parallel for schedule(static) num_threads(ThreadsFor(device, blocks* format.block_elements))
  for (int64_t first = 0; first < blocks; first += step) run(first, std::min(step, blocks - first));
}

}  // namespace

void Decode(Device& device, const BlockFormat& format, absl::Span<const std::byte> blocks, float* values) {
  InRuns(device, format, blocks.size() / format.block_bytes, [&](int64_t first, int64_t count) {
    format.decode(&blocks[first * format.block_bytes], count, values + first * format.block_elements);
  });
}

void EncodeRtn(Device& device, const BlockFormat& format, const float* values, absl::Span<std::byte> blocks) {
  InRuns(device, format, blocks.size() / format.block_bytes, [&](int64_t first, int64_t count) {
    format.encode_rtn(values + first * format.block_elements, count, &blocks[first * format.block_bytes]);
  });
}

void EncodeWeighted(Device& device, const BlockFormat& format, ConstMatrix values, const float* weights,
                    absl::Span<std::byte> blocks) {
  const int64_t cols = values.cols, step = std::min(RowsAtOnce(cols), std::max<int64_t>(1, kElements / cols));
#pragma omp parallel num_threads(ThreadsFor(device, values.rows* cols))
  {
    std::vector<float> room;
#pragma omp for schedule(dynamic)
    for (int64_t row = 0; row < values.rows; row += step) {
      const int64_t elements = std::min(step, values.rows - row) * cols;
      EncodeRows(format, {values.row(row), static_cast<size_t>(elements)}, cols, weights, room,
                 blocks.subspan(format.BytesFor(row * cols), format.BytesFor(elements)));
    }
  }
}

}  // namespace nibble::cpu
