#include "converters/published_weight.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "formats/dtype.h"

namespace nibble {
namespace {

constexpr int64_t kFp8Block = 128;
constexpr int64_t kMxBlock = 32;
constexpr int64_t kNvBlock = 16;
constexpr absl::string_view kWeight = "weight";

bool IsFp8(DType dtype) { return dtype == DType::kF8_E4M3 || dtype == DType::kF8_E5M2; }

PublishedWeight Plain(const PublishedNames& names, absl::string_view name, const StoredTensor& stored) {
  PublishedWeight weight{.stored = &stored, .shape = stored.shape};
  if (!IsFp8(stored.dtype)) return weight;
  weight.scales_name = absl::StrCat(name, "_scale_inv");
  std::string qscale(name);
  if (absl::EndsWith(name, kWeight)) qscale.insert(qscale.size() - kWeight.size(), "qscale_");
  for (const std::string& candidate : {weight.scales_name, absl::StrCat(name, "_scale"), qscale}) {
    weight.scales = names.Find(candidate);
    if (weight.scales != nullptr) break;
  }
  return weight;
}

// compressed-tensors: [rows, cols / 8] words of INT4, or [rows, cols / 2] bytes of F4.
PublishedWeight Packed(const PublishedNames& names, absl::string_view name, const StoredTensor& stored) {
  const bool is_int4 = stored.dtype == DType::kI32;
  PublishedWeight weight{.stored = &stored, .shape = stored.shape, .packed = is_int4 ? Format::kInt4 : Format::kF4};
  if (!weight.shape.empty()) weight.shape.back() *= is_int4 ? 8 : 2;
  weight.scales_name = absl::StrCat(name, "_scale");
  weight.scales = names.Find(weight.scales_name);
  weight.divisor = names.Find(absl::StrCat(name, "_global_scale"));
  weight.shape_tensor = names.Find(absl::StrCat(name, "_shape"));
  return weight;
}

// gpt-oss: [..., cols / 32, 16] bytes.
PublishedWeight PackedMxfp4(const PublishedNames& names, absl::string_view blocks_name, const StoredTensor& stored) {
  PublishedWeight weight{.stored = &stored, .shape = stored.shape, .packed = Format::kF4};
  if (weight.shape.size() >= 2 && weight.shape.back() == kMxBlock / 2) {
    weight.shape.pop_back();
    weight.shape.back() *= kMxBlock;
  }
  weight.scales_name = absl::StrCat(absl::StripSuffix(blocks_name, "blocks"), "scales");
  weight.scales = names.Find(weight.scales_name);
  return weight;
}

}  // namespace

std::optional<PublishedWeight> FindWeight(const PublishedNames& names, absl::string_view name) {
  if (const StoredTensor* stored = names.Find(name); stored != nullptr) {
    const bool is_mxfp4 = stored->dtype == DType::kU8 && absl::EndsWith(name, "blocks");
    return is_mxfp4 ? PackedMxfp4(names, name, *stored) : Plain(names, name, *stored);
  }
  const StoredTensor* packed = names.Find(absl::StrCat(name, "_packed"));
  const bool is_packed = packed != nullptr && (packed->dtype == DType::kI32 || packed->dtype == DType::kU8);
  if (is_packed) return Packed(names, name, *packed);
  for (const char* suffix : {"_blocks", ".blocks"}) {
    const std::string blocks = absl::StrCat(name, suffix);
    const StoredTensor* stored = names.Find(blocks);
    if (stored != nullptr && stored->dtype == DType::kU8) return PackedMxfp4(names, blocks, *stored);
  }
  return std::nullopt;
}

std::optional<BlockScales> PublishedWeight::Blocks() const {
  if (scales == nullptr || shape.empty() || !ScaleFormat(*scales)) return std::nullopt;
  const int64_t cols = shape.back();
  int64_t rows = 1;
  for (size_t axis = 0; axis + 1 < shape.size(); ++axis) rows *= shape[axis];
  if (rows == 0 || cols == 0) return std::nullopt;
  const std::vector<int64_t>& found = scales->shape;
  if (packed == Format::kF4) {
    const bool is_nvfp4 = scales->dtype == DType::kF8_E4M3;
    const bool has_divisor = divisor != nullptr && divisor->dtype == DType::kF32 && divisor->elements() == 1;
    const int64_t block = is_nvfp4 ? kNvBlock : kMxBlock;
    std::vector<int64_t> expected = shape;
    expected.back() /= block;
    if (found != expected || is_nvfp4 != has_divisor) return std::nullopt;
    return BlockScales{scales->name, 1, block, has_divisor ? divisor->name : ""};
  }
  if (packed == Format::kInt4) {
    if (found.size() != 2 || found[0] != rows || found[1] == 0 || cols % found[1] != 0) return std::nullopt;
    return BlockScales{scales->name, 1, cols / found[1]};
  }
  if (scales->elements() == 1) return BlockScales{scales->name, rows, cols};
  const auto blocks = [](int64_t length) { return (length + kFp8Block - 1) / kFp8Block; };
  if (shape.size() == 2 && found == std::vector<int64_t>{blocks(rows), blocks(cols)}) {
    return BlockScales{scales->name, kFp8Block, kFp8Block};
  }
  if (scales->elements() == rows && found[0] == rows) return BlockScales{scales->name, 1, cols};
  return std::nullopt;
}

}  // namespace nibble
