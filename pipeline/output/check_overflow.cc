#include "pipeline/output/check_overflow.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/dtype.h"
#include "quant/block/format.h"
#include "quant/block/magnitude.h"

namespace nibble {
namespace {

// A block's extreme value comes out nearly as it went in, unless it is beyond what the format holds.
constexpr float kRounding = 0x1p-8f;  // relative error of a value on its own: more than BF16's
constexpr float kBlockError = 0.5f;   // of the extreme value of a block: more than any code's

// "[3, 17]", or "[5, 3, 17]" in slice 5.
std::string IndexText(const LogicalTensor& tensor, int64_t row, int64_t col) {
  if (tensor.slice < 0) return ShapeText({row, col});
  return ShapeText({tensor.slice, row, col});
}

size_t Extreme(absl::Span<const float> block) {
  const auto smaller = [](float a, float b) { return std::fabs(a) < std::fabs(b); };
  return std::max_element(block.begin(), block.end(), smaller) - block.begin();
}

}  // namespace

absl::Status CheckOverflow(const Model& model, const OutputTensor& output, const LogicalTensor& slice,
                           int64_t first_row, absl::Span<const float> values) {
  if (LargestMagnitude(values) <= kAlwaysHeld) return absl::OkStatus();
  const BlockFormat& format = GetFormat(output.format);
  std::vector<std::byte> bytes(format.block_bytes);
  std::vector<float> decoded(format.block_elements);
  for (size_t first = 0; first < values.size(); first += format.block_elements) {
    const absl::Span<const float> block = values.subspan(first, format.block_elements);
    const size_t at = Extreme(block);
    if (std::fabs(block[at]) <= kAlwaysHeld) continue;
    format.encode_rtn(block.data(), 1, bytes.data());
    format.decode(bytes.data(), 1, decoded.data());
    const float tolerated = std::fabs(block[at]) * (format.block_elements == 1 ? kRounding : kBlockError);
    if (std::fabs(decoded[at] - block[at]) <= tolerated) continue;
    const int64_t place = first + at;
    return BadData(absl::StrCat(model.path, ": tensor '", output.name, "' ",
                                IndexText(slice, first_row + place / slice.cols, place % slice.cols)),
                   absl::StrCat("a value that ", format.name, " can hold"), absl::StrCat(block[at]));
  }
  return absl::OkStatus();
}

}  // namespace nibble
