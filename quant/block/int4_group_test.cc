#include "quant/block/int4_group.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"
#include "quant/block/test_blocks.h"

namespace nibble::int4_group {
namespace {

constexpr uint16_t kHalf = 0x3f00;  // 0.5 as BF16

// Every code under every finite scale above 0.
TEST(Int4GroupTest, DecodesEveryCodeUnderEveryScale) {
  Group<32> block;
  uint8_t codes[32];
  for (int i = 0; i < 32; ++i) codes[i] = static_cast<uint8_t>(i % 16);
  SetCodes<32>(codes, block);
  for (uint32_t scale = kLeastScale; scale < 0x7f80; ++scale) {
    block.scale = static_cast<uint16_t>(scale);
    const std::vector<float> values = Decoded<Group<32>, DecodeBlock<32>>(block);
    for (int i = 0; i < 32; ++i) {
      ASSERT_EQ(values[i], static_cast<float>(i % 16 - 8) * ScaleOf(block.scale))
          << "scale " << scale << ", code " << i;
    }
  }
}

TEST(Int4GroupTest, TheFirstOfTwoCodesIsTheLowHalf) {
  std::vector<uint8_t> bytes(18, 0x88);
  bytes[0] = kHalf & 0xff;
  bytes[1] = kHalf >> 8;
  bytes[2] = 0xf0;  // codes 0, 15
  const std::vector<float> values = Decoded<Group<32>, DecodeBlock<32>>(FromBytes<Group<32>>(bytes));
  EXPECT_EQ(values[0], -4.0f);
  EXPECT_EQ(values[1], 3.5f);
  EXPECT_EQ(std::count(values.begin(), values.end(), 0.0f), 30);
}

TEST(Int4GroupTest, ThePlainRuleClipsNothing) {
  const struct { double max, min; } cases[] = {{3.5, -1}, {3.5, -3.5}, {3.5, -4}, {1, -4}};
  for (const auto [max, min] : cases) {
    const auto value = [high = max, low = min](int i) { return i == 5 ? high : i == 6 ? low : 0.5; };
    const std::vector<float> values = Values<Group<128>>(value);
    const Group<128> block = PlainBlock<128>(values.data());
    EXPECT_EQ(block.scale, kHalf) << max << " " << min;
    EXPECT_EQ((Decoded<Group<128>, DecodeBlock<128>>(block)), values) << max << " " << min;
  }
}

// The example of docs/formats.md.
TEST(Int4GroupTest, EncodesTheExample) {
  const std::vector<float> values = Values<Group<32>>([](int i) { return (i - 12) / 8.0; });
  const Group<32> expected = FromBytes<Group<32>>(
      {0xae, 0x3e, 0x44, 0x54, 0x55, 0x66, 0x77, 0x87, 0x88, 0x99, 0xa9, 0xba, 0xbb, 0xcc, 0xdc, 0xed, 0xee, 0xff});
  const Group<32> block = PlainBlock<32>(values.data());
  EXPECT_EQ(block.scale, expected.scale);
  EXPECT_TRUE(std::equal(std::begin(block.codes), std::end(block.codes), std::begin(expected.codes)));
}

TEST(Int4GroupTest, ScalesAreAboveZeroAndNothingOverflows) {
  for (const float value : {0.0f, -0.0f, 1e-45f, -1e-40f, 3.4e38f, -3.4e38f}) {
    const std::vector<float> values = Values<Group<32>>([&](int) { return value; });
    for (const Group<32>& block : {PlainBlock<32>(values.data()), Searched<Group<32>>(Format::kINT4_G32, values, {})}) {
      EXPECT_GE(block.scale, kLeastScale) << value;
      EXPECT_LE(block.scale, kLargestScale) << value;
      for (const float decoded : Decoded<Group<32>, DecodeBlock<32>>(block)) EXPECT_TRUE(std::isfinite(decoded));
    }
  }
}

TEST(Int4GroupTest, TheSearchUsesBothEnds) {
  for (const double sign : {1.0, -1.0}) {
    const std::vector<float> values = Values<Group<128>>([&](int i) { return sign * 0.25 * (i % 8); });
    const Group<128> block = Searched<Group<128>>(Format::kINT4_G128, values, {});
    EXPECT_EQ((Decoded<Group<128>, DecodeBlock<128>>(block)), values);
  }
  const std::vector<float> values = Values<Group<32>>([](int i) { return 0.5 * (i % 16 - 8); });
  EXPECT_EQ((Decoded<Group<32>, DecodeBlock<32>>(Searched<Group<32>>(Format::kINT4_G32, values, {}))), values);
}

// Only values 0 and 1 count: their ratio, 7 to 3, decides on the scale.
TEST(Int4GroupTest, TheSearchHeedsWeights) {
  const std::vector<float> values = Values<Group<32>>([](int i) { return i == 0 ? 7.0 : i == 1 ? 3.0 : 14.0; });
  const std::vector<float> weights = Values<Group<32>>([](int i) { return i < 2 ? 1.0 : 1e-6; });
  const std::vector<float> decoded =
      Decoded<Group<32>, DecodeBlock<32>>(Searched<Group<32>>(Format::kINT4_G32, values, weights));
  EXPECT_EQ(decoded[0], 7.0f);
  EXPECT_EQ(decoded[1], 3.0f);
}

}  // namespace
}  // namespace nibble::int4_group
