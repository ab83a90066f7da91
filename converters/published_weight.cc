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
constexpr int kWordBits = 32;
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

// The bits of GPTQ's or AWQ's integers, by the zero points of so many outputs; nothing if they are none that are read.
std::optional<int> BitsOf(const StoredTensor& zeros, int64_t groups, int64_t outputs) {
  for (const int bits : {4, 8}) {
    if (outputs * bits % kWordBits == 0 && zeros.shape == std::vector<int64_t>{groups, outputs * bits / kWordBits}) {
      return bits;
    }
  }
  return std::nullopt;
}

bool IsFloatScale(DType dtype) { return dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF32; }

// Sets `words` and the shape, if the parts agree.
void ReadParts(PublishedWeight& weight) {
  const StoredTensor& stored = *weight.stored;
  if (weight.scales == nullptr || weight.zeros == nullptr || !IsFloatScale(weight.scales->dtype) ||
      weight.zeros->dtype != DType::kI32 || weight.scales->shape.size() != 2 || stored.shape.size() != 2 ||
      weight.scales->elements() == 0 || stored.elements() == 0) {
    return;
  }
  const int64_t groups = weight.scales->shape[0], outputs = weight.scales->shape[1];
  const std::optional<int> bits = BitsOf(*weight.zeros, groups, outputs);
  if (!bits) return;
  WordCodes words{.bits = *bits, .scales = weight.scales->name, .zeros = weight.zeros->name};
  int64_t inputs = stored.shape[0];
  if (stored.shape[1] == outputs) {
    inputs *= kWordBits / *bits;
  } else if (*bits == 4 && stored.shape[1] * (kWordBits / 4) == outputs) {
    words.order = WordCodes::Order::kInterleaved;
  } else {
    return;
  }
  if (weight.groups != nullptr) {
    if (weight.groups->dtype != DType::kI32 || weight.groups->shape != std::vector<int64_t>{inputs}) return;
    words.groups = weight.groups->name;
  } else if (inputs % groups != 0) {
    return;
  }
  weight.shape = {outputs, inputs};
  weight.words = std::move(words);
}

std::optional<PublishedWeight> InWords(const PublishedNames& names, absl::string_view name) {
  if (!absl::EndsWith(name, kWeight)) return std::nullopt;
  const absl::string_view module = absl::StripSuffix(name, kWeight);
  const StoredTensor* stored = names.Find(absl::StrCat(module, "qweight"));
  if (stored == nullptr || stored->dtype != DType::kI32) return std::nullopt;
  PublishedWeight weight{.stored = stored, .shape = stored->shape, .in_words = true};
  weight.scales_name = absl::StrCat(module, "scales");
  weight.scales = names.Find(weight.scales_name);
  weight.zeros_name = absl::StrCat(module, "qzeros");
  weight.zeros = names.Find(weight.zeros_name);
  weight.groups = names.Find(absl::StrCat(module, "g_idx"));
  ReadParts(weight);
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
  if (auto weight = InWords(names, name)) return weight;
  for (const char* suffix : {"_blocks", ".blocks"}) {
    const std::string blocks = absl::StrCat(name, suffix);
    const StoredTensor* stored = names.Find(blocks);
    if (stored != nullptr && stored->dtype == DType::kU8) return PackedMxfp4(names, blocks, *stored);
  }
  return std::nullopt;
}

std::optional<BlockScales> PublishedWeight::Blocks() const {
  if (in_words || scales == nullptr || shape.empty() || !ScaleFormat(*scales)) return std::nullopt;
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
