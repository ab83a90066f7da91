#include "formats/dtype.h"

#include <set>
#include <string>

#include "gtest/gtest.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

// No container has them as one tensor.
const std::set<Format> kOfTwoTensors = {Format::kInt4, Format::kINT4_G32, Format::kINT4_G128};

constexpr int kDTypes = static_cast<int>(DType::kNVFP4) + 1;

TEST(DType, TableIsInTheEnumsOrderAndUnambiguous) {
  std::set<std::string> names;
  std::set<int> gguf_types;
  int safetensors = 0;
  for (int i = 0; i < kDTypes; ++i) {
    const DTypeInfo& info = GetDType(static_cast<DType>(i));
    EXPECT_EQ(static_cast<int>(info.id), i);
    EXPECT_TRUE(names.insert(std::string(info.name)).second) << info.name;
    safetensors += info.in_safetensors;
    EXPECT_EQ(FindSafetensorsDType(info.name), info.in_safetensors ? &info : nullptr) << info.name;
    if (info.gguf_type < 0) continue;
    EXPECT_TRUE(gguf_types.insert(info.gguf_type).second) << info.name;
    EXPECT_EQ(FindGgufDType(info.gguf_type), &info) << info.name;
  }
  EXPECT_EQ(safetensors, 22);
}

// The bits of each safetensors dtype, in the format's own words.
TEST(DType, SafetensorsSizes) {
  const struct {
    const char* name;
    uint32_t bits;
  } kSizes[] = {{"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
                {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
                {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
                {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};
  for (const auto& size : kSizes) {
    const DTypeInfo* info = FindSafetensorsDType(size.name);
    ASSERT_NE(info, nullptr) << size.name;
    EXPECT_EQ(info->block_elements, 1) << size.name;
    EXPECT_EQ(info->block_bits, size.bits) << size.name;
  }
}

TEST(DType, UnknownAndRemovedTypesHaveNoRow) {
  for (const char* name : {"", "f32", "F16 ", "Q4_K", "F8"}) EXPECT_EQ(FindSafetensorsDType(name), nullptr) << name;
  for (const int type : {-1, 4, 5, 9, 15, 29, 31, 32, 33, 36, 37, 38, 41, 1 << 30}) {
    EXPECT_EQ(FindGgufDType(type), nullptr) << type;
  }
}

TEST(DType, AgreesWithTheNumberFormats) {
  for (const BlockFormat& format : Formats()) {
    if (kOfTwoTensors.contains(format.id)) continue;
    const DTypeInfo& info = GetDType(DTypeOf(format.id));
    EXPECT_EQ(info.format, format.id) << format.name;
    EXPECT_EQ(info.name, format.name);
    EXPECT_EQ(info.gguf_type, format.gguf_type) << format.name;
    if (format.id != Format::kF4) {  // of which a container counts single elements
      EXPECT_EQ(info.block_elements, format.block_elements) << format.name;
    }
    EXPECT_EQ(info.block_bits * format.block_elements, format.block_bytes * 8 * info.block_elements) << format.name;
  }
}

}  // namespace
}  // namespace nibble
