#include "quant/block/encode_rows.h"

#include <algorithm>

namespace nibble {
namespace {

constexpr int64_t kElementsAtOnce = 1 << 16;
constexpr int64_t kMostRows = 16;

}  // namespace

int64_t RowsAtOnce(int64_t cols) {
  return std::clamp<int64_t>(kElementsAtOnce / std::max<int64_t>(1, cols), 1, kMostRows);
}

void EncodeRows(const BlockFormat& format, absl::Span<const float> values, int64_t cols, const float* weights,
                std::vector<float>& room, absl::Span<std::byte> out) {
  if (weights == nullptr) {
    format.encode_weighted(values.data(), nullptr, values.size() / format.block_elements, out.data());
    return;
  }
  // The weights are a row's: repeated, they are as many rows'.
  const size_t step = std::min<size_t>(RowsAtOnce(cols) * cols, values.size());
  room.resize(step);
  for (size_t first = 0; first < step; first += cols) std::copy_n(weights, cols, &room[first]);
  for (size_t first = 0; first < values.size(); first += step) {
    const size_t elements = std::min(step, values.size() - first);
    format.encode_weighted(&values[first], room.data(), elements / format.block_elements, &out[format.BytesFor(first)]);
  }
}

}  // namespace nibble
