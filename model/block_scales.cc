#include "model/block_scales.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/str_format.h"
#include "base/status.h"
#include "formats/dtype.h"

namespace nibble {

std::optional<Format> ScaleFormat(const StoredTensor& tensor) {
  switch (tensor.dtype) {
    case DType::kU8:  // gpt-oss: E8M0 under a name that is older than its dtype
      return Format::kF8_E8M0;
    case DType::kF32:
    case DType::kBF16:
    case DType::kF16:
    case DType::kF8_E8M0:
    case DType::kF8_E4M3:
      return GetDType(tensor.dtype).format;
    default:
      return std::nullopt;
  }
}

namespace {

// One F32, above 0.
absl::StatusOr<float> ReadDivisor(const TensorSource& source, absl::string_view name) {
  const StoredElements stored = ElementsOf(source, name, std::nullopt);
  std::vector<std::byte> bytes;
  NIBBLE_RETURN_IF_ERROR(stored.Read(0, 1, bytes));
  float value = 0;
  stored.format.decode(bytes.data(), 1, &value);
  if (value > 0 && std::isfinite(value)) return value;
  return stored.Error(0, "a finite scale above 0", absl::StrFormat("%g", value));
}

}  // namespace

int64_t Scales::Index(int64_t element) const {
  return element / cols_ / block_rows_ * scale_cols_ + element % cols_ / block_cols_;
}

absl::StatusOr<Scales> Scales::Read(const StoredElements& elements, const BlockScales& blocks, int64_t begin,
                                    int64_t end) {
  const StoredTensor& tensor = *elements.source.Find(blocks.tensor);
  const std::optional<Format> format = ScaleFormat(tensor);
  const bool one_byte = GetDType(tensor.dtype).block_bits == 8;
  const StoredElements stored = ElementsOf(elements.source, blocks.tensor, one_byte ? format : std::nullopt);
  Scales scales;
  scales.cols_ = elements.cols();
  scales.block_rows_ = blocks.block_rows;
  scales.block_cols_ = blocks.block_cols;
  scales.scale_cols_ = (scales.cols_ - 1) / blocks.block_cols + 1;
  // A run over several rows needs whole rows of scales.
  const bool one_row = begin / scales.cols_ == (end - 1) / scales.cols_;
  const int64_t last_row = (end - 1) / scales.cols_ / scales.block_rows_;
  scales.first_ = one_row ? scales.Index(begin) : begin / scales.cols_ / scales.block_rows_ * scales.scale_cols_;
  const int64_t last = one_row ? scales.Index(end - 1) : (last_row + 1) * scales.scale_cols_ - 1;
  NIBBLE_RETURN_IF_ERROR(stored.Read(scales.first_, last + 1, scales.bytes_));
  scales.values_.resize(last + 1 - scales.first_);
  stored.format.decode(scales.bytes_.data(), scales.values_.size(), scales.values_.data());
  const auto bad = std::find_if_not(scales.values_.begin(), scales.values_.end(),
                                    [](float scale) { return scale > 0 && std::isfinite(scale); });
  if (bad != scales.values_.end()) {
    return stored.Error(scales.first_ + (bad - scales.values_.begin()), "a finite scale above 0",
                        absl::StrFormat("%g", *bad));
  }
  if (blocks.divisor.empty()) return scales;
  NIBBLE_ASSIGN_OR_RETURN(const float divisor, ReadDivisor(elements.source, blocks.divisor));
  for (float& scale : scales.values_) scale /= divisor;
  return scales;
}

void Scales::Multiply(int64_t begin, absl::Span<float> values) const {
  const int64_t size = values.size();
  for (int64_t i = 0; i < size;) {
    const int64_t col = (begin + i) % cols_;
    const int64_t left = std::min(block_cols_ - col % block_cols_, cols_ - col);  // of the block, in this row
    const int64_t end = std::min(size, i + left);
    const float scale = Of(begin + i);
    for (; i < end; ++i) values[i] *= scale;
  }
}

}  // namespace nibble
