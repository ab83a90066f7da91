#include "pipeline/output/int4_blocks.h"

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

// A block of Q4_0 with codes least ... least + 7 again and again.
std::vector<std::byte> BlockOf(uint16_t half, uint8_t least) {
  std::vector<std::byte> block = {static_cast<std::byte>(half & 255), static_cast<std::byte>(half >> 8)};
  for (int i = 0; i < 16; ++i) {
    const auto low = static_cast<uint8_t>(least + i % 8), high = static_cast<uint8_t>(least + (i + 3) % 8);
    block.push_back(static_cast<std::byte>(low | high << 4));
  }
  return block;
}

std::vector<float> Decoded(Format format, const std::vector<std::byte>& block) {
  std::vector<float> values(32);
  GetFormat(format).decode(block.data(), 1, values.data());
  return values;
}

TEST(Int4BlocksTest, HoldTheSameValues) {
  const struct {
    uint16_t half;
    uint8_t least;
  } kCases[] = {{0x3c00, 0}, {0x3c00, 8}, {0x2e38, 0}, {0x0008, 0}, {0xbc00, 1}, {0xae38, 8}, {0, 0}, {0x8000, 5}};
  for (const auto& [half, least] : kCases) {
    std::vector<std::byte> block = BlockOf(half, least);
    const std::vector<float> expected = Decoded(Format::kQ4_0, block);
    ASSERT_EQ(Q4ToInt4Blocks(absl::MakeSpan(block), "t"), absl::OkStatus()) << half;
    EXPECT_EQ(Decoded(Format::kINT4_G32, block), expected) << half;
  }
}

TEST(Int4BlocksTest, WhatTheyCannotHoldIsNamed) {
  const struct {
    uint16_t half;
    uint8_t least;
  } kCases[] = {{0x3c01, 0}, {0xbc00, 0}, {0x7c00, 0}, {0x7e00, 8}};
  for (const auto& [half, least] : kCases) {
    std::vector<std::byte> blocks = BlockOf(0x3c00, 0);
    for (const std::byte byte : BlockOf(half, least)) blocks.push_back(byte);
    const absl::Status status = Q4ToInt4Blocks(absl::MakeSpan(blocks), "tensor 't'");
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << half;
    EXPECT_THAT(status.message(), testing::HasSubstr("tensor 't': expected Q4_0's scales"));
  }
}

}  // namespace
}  // namespace nibble
