#include "quant/block/format.h"

#include <iterator>

#include "gtest/gtest.h"

namespace nibble {
namespace {

struct Expected {
  Format id;
  const char* name;
  int gguf_type;
  uint32_t elements, bytes;
  bool writable;
};

// From the GGUF specification.
constexpr Expected kExpected[] = {
    {Format::kF32, "F32", 0, 1, 4, true},
    {Format::kF16, "F16", 1, 1, 2, true},
    {Format::kBF16, "BF16", 30, 1, 2, true},
    {Format::kQ8_0, "Q8_0", 8, 32, 34, true},
    {Format::kQ4_0, "Q4_0", 2, 32, 18, true},
    {Format::kQ4_1, "Q4_1", 3, 32, 20, true},
    {Format::kQ5_0, "Q5_0", 6, 32, 22, true},
    {Format::kQ5_1, "Q5_1", 7, 32, 24, true},
    {Format::kQ2_K, "Q2_K", 10, 256, 84, false},
    {Format::kQ3_K, "Q3_K", 11, 256, 110, false},
    {Format::kQ4_K, "Q4_K", 12, 256, 144, true},
    {Format::kQ5_K, "Q5_K", 13, 256, 176, true},
    {Format::kQ6_K, "Q6_K", 14, 256, 210, true},
    {Format::kIQ4_NL, "IQ4_NL", 20, 32, 18, true},
    {Format::kIQ4_XS, "IQ4_XS", 23, 256, 136, true},
    {Format::kMXFP4, "MXFP4", 39, 32, 17, true},
    {Format::kNVFP4, "NVFP4", 40, 64, 36, true},
    {Format::kINT4_G32, "INT4_G32", -1, 32, 18, true},
    {Format::kINT4_G128, "INT4_G128", -1, 128, 66, true},
    // From the OCP specifications, and compressed-tensors.
    {Format::kF8_E4M3, "F8_E4M3", -1, 1, 1, false},
    {Format::kF8_E5M2, "F8_E5M2", -1, 1, 1, false},
    {Format::kF8_E8M0, "F8_E8M0", -1, 1, 1, false},
    {Format::kF4, "F4", -1, 2, 1, false},
    {Format::kInt4, "INT4", -1, 2, 1, false},
};

TEST(FormatTest, EveryRow) {
  ASSERT_EQ(Formats().size(), std::size(kExpected));
  for (const Expected& expected : kExpected) {
    SCOPED_TRACE(expected.name);
    const BlockFormat& format = GetFormat(expected.id);
    EXPECT_EQ(format.id, expected.id);
    EXPECT_EQ(format.name, expected.name);
    EXPECT_EQ(format.gguf_type, expected.gguf_type);
    EXPECT_EQ(format.block_elements, expected.elements);
    EXPECT_EQ(format.block_bytes, expected.bytes);
    EXPECT_NE(format.decode, nullptr);
    EXPECT_EQ(format.encode_rtn != nullptr, expected.writable);
    EXPECT_EQ(format.encode_weighted != nullptr, expected.writable);
    EXPECT_EQ(format.BytesFor(512), 512 / expected.elements * expected.bytes);
    EXPECT_EQ(FindFormat(expected.name), &format);
    EXPECT_EQ(FindFormatByGgufType(expected.gguf_type), expected.gguf_type < 0 ? nullptr : &format);
  }
}

TEST(FormatTest, FindIgnoresCase) {
  EXPECT_EQ(FindFormat("q4_k"), &GetFormat(Format::kQ4_K));
  EXPECT_EQ(FindFormat("Iq4_nL"), &GetFormat(Format::kIQ4_NL));
}

TEST(FormatTest, WhatIsNotThereIsNull) {
  EXPECT_EQ(FindFormat(""), nullptr);
  EXPECT_EQ(FindFormat("Q4"), nullptr);
  EXPECT_EQ(FindFormat("Q4_K_M"), nullptr);  // a mix, not a format
  EXPECT_EQ(FindFormatByGgufType(-1), nullptr);
  EXPECT_EQ(FindFormatByGgufType(4), nullptr);  // Q4_2, removed from GGUF
}

}  // namespace
}  // namespace nibble
