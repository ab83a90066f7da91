#include "formats/dtype.h"

#include <cassert>
#include <cstddef>
#include <iterator>

namespace nibble {
namespace {

constexpr bool kSafetensors = true;
constexpr bool kGgufOnly = false;

// In the enum's order. Removed GGUF type ids (4, 5, 31 to 33, 36 to 38) and those that nibble does not read have no
// row.
constexpr DTypeInfo kTable[] = {
    {DType::kBool, "BOOL", kSafetensors, -1, 1, 8, std::nullopt},
    {DType::kF4, "F4", kSafetensors, -1, 1, 4, Format::kF4},
    {DType::kF6_E2M3, "F6_E2M3", kSafetensors, -1, 1, 6, std::nullopt},
    {DType::kF6_E3M2, "F6_E3M2", kSafetensors, -1, 1, 6, std::nullopt},
    {DType::kU8, "U8", kSafetensors, -1, 1, 8, std::nullopt},
    {DType::kI8, "I8", kSafetensors, 24, 1, 8, std::nullopt},
    {DType::kF8_E5M2, "F8_E5M2", kSafetensors, -1, 1, 8, Format::kF8_E5M2},
    {DType::kF8_E4M3, "F8_E4M3", kSafetensors, -1, 1, 8, Format::kF8_E4M3},
    {DType::kF8_E8M0, "F8_E8M0", kSafetensors, -1, 1, 8, Format::kF8_E8M0},
    {DType::kF8_E4M3FNUZ, "F8_E4M3FNUZ", kSafetensors, -1, 1, 8, std::nullopt},
    {DType::kF8_E5M2FNUZ, "F8_E5M2FNUZ", kSafetensors, -1, 1, 8, std::nullopt},
    {DType::kI16, "I16", kSafetensors, 25, 1, 16, std::nullopt},
    {DType::kU16, "U16", kSafetensors, -1, 1, 16, std::nullopt},
    {DType::kF16, "F16", kSafetensors, 1, 1, 16, Format::kF16},
    {DType::kBF16, "BF16", kSafetensors, 30, 1, 16, Format::kBF16},
    {DType::kI32, "I32", kSafetensors, 26, 1, 32, std::nullopt},
    {DType::kU32, "U32", kSafetensors, -1, 1, 32, std::nullopt},
    {DType::kF32, "F32", kSafetensors, 0, 1, 32, Format::kF32},
    {DType::kC64, "C64", kSafetensors, -1, 1, 64, std::nullopt},
    {DType::kF64, "F64", kSafetensors, 28, 1, 64, std::nullopt},
    {DType::kI64, "I64", kSafetensors, 27, 1, 64, std::nullopt},
    {DType::kU64, "U64", kSafetensors, -1, 1, 64, std::nullopt},
    {DType::kQ4_0, "Q4_0", kGgufOnly, 2, 32, 18 * 8, Format::kQ4_0},
    {DType::kQ4_1, "Q4_1", kGgufOnly, 3, 32, 20 * 8, Format::kQ4_1},
    {DType::kQ5_0, "Q5_0", kGgufOnly, 6, 32, 22 * 8, Format::kQ5_0},
    {DType::kQ5_1, "Q5_1", kGgufOnly, 7, 32, 24 * 8, Format::kQ5_1},
    {DType::kQ8_0, "Q8_0", kGgufOnly, 8, 32, 34 * 8, Format::kQ8_0},
    {DType::kQ2_K, "Q2_K", kGgufOnly, 10, 256, 84 * 8, Format::kQ2_K},
    {DType::kQ3_K, "Q3_K", kGgufOnly, 11, 256, 110 * 8, Format::kQ3_K},
    {DType::kQ4_K, "Q4_K", kGgufOnly, 12, 256, 144 * 8, Format::kQ4_K},
    {DType::kQ5_K, "Q5_K", kGgufOnly, 13, 256, 176 * 8, Format::kQ5_K},
    {DType::kQ6_K, "Q6_K", kGgufOnly, 14, 256, 210 * 8, Format::kQ6_K},
    {DType::kIQ4_NL, "IQ4_NL", kGgufOnly, 20, 32, 18 * 8, Format::kIQ4_NL},
    {DType::kIQ4_XS, "IQ4_XS", kGgufOnly, 23, 256, 136 * 8, Format::kIQ4_XS},
    {DType::kMXFP4, "MXFP4", kGgufOnly, 39, 32, 17 * 8, Format::kMXFP4},
    {DType::kNVFP4, "NVFP4", kGgufOnly, 40, 64, 36 * 8, Format::kNVFP4},
};

template <typename Predicate>
const DTypeInfo* FindRow(Predicate matches) {
  for (const DTypeInfo& row : kTable) {
    if (matches(row)) return &row;
  }
  return nullptr;
}

}  // namespace

const DTypeInfo& GetDType(DType dtype) {
  const size_t row = static_cast<size_t>(dtype);
  assert(row < std::size(kTable) && kTable[row].id == dtype);
  return kTable[row];
}

const DTypeInfo* FindSafetensorsDType(absl::string_view name) {
  return FindRow([&](const DTypeInfo& row) { return row.in_safetensors && row.name == name; });
}

const DTypeInfo* FindGgufDType(int gguf_type) {
  return FindRow([&](const DTypeInfo& row) { return row.gguf_type >= 0 && row.gguf_type == gguf_type; });
}

DType DTypeOf(Format format) {
  const DTypeInfo* row = FindRow([&](const DTypeInfo& candidate) { return candidate.format == format; });
  assert(row != nullptr);
  return row->id;
}

}  // namespace nibble
