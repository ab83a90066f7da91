#include "quant/block/scale_blocks.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"
#include "quant/block/half.h"

namespace nibble {
namespace {

constexpr size_t kValues = 2048;

struct Case {
  Format format;
  bool scales;
};

class ScaleBlocksTest : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Formats, ScaleBlocksTest,
                         testing::Values(Case{Format::kQ8_0, true}, Case{Format::kQ4_0, true},
                                         Case{Format::kQ4_1, true}, Case{Format::kQ5_0, true},
                                         Case{Format::kQ5_1, true}, Case{Format::kQ4_K, true},
                                         Case{Format::kQ5_K, true}, Case{Format::kQ6_K, true},
                                         Case{Format::kIQ4_NL, true}, Case{Format::kIQ4_XS, true},
                                         Case{Format::kF16, false}, Case{Format::kMXFP4, false},
                                         Case{Format::kNVFP4, false}, Case{Format::kINT4_G32, false}),
                         [](const auto& info) { return std::string(GetFormat(info.param.format).name); });

std::vector<std::byte> Encoded(const BlockFormat& format, float size) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, size);
  std::vector<float> values(kValues);
  for (float& value : values) value = normal(random);
  std::vector<std::byte> bytes(format.BytesFor(kValues));
  format.encode_weighted(values.data(), nullptr, kValues / format.block_elements, bytes.data());
  return bytes;
}

std::vector<float> Decoded(const BlockFormat& format, const std::vector<std::byte>& bytes) {
  std::vector<float> values(kValues);
  format.decode(bytes.data(), kValues / format.block_elements, values.data());
  return values;
}

// Small weights: a K-quant's halves are next to denormal.
TEST_P(ScaleBlocksTest, MultipliesWhatIsDecoded) {
  const BlockFormat& format = GetFormat(GetParam().format);
  const std::vector<std::byte> bytes = Encoded(format, 0.05f);
  const std::vector<float> before = Decoded(format, bytes);
  for (const float factor : {0.25f, 0.7f, -1.0f, 1.3f, 4.0f}) {
    std::vector<std::byte> scaled = bytes;
    ASSERT_EQ(ScaleBlocks(format.id, factor, kValues / format.block_elements, scaled.data()), GetParam().scales);
    if (!GetParam().scales) {
      EXPECT_EQ(scaled, bytes);
      continue;
    }
    const std::vector<float> after = Decoded(format, scaled);
    float largest = 0;
    for (const float value : before) largest = std::max(largest, std::abs(value));
    for (size_t i = 0; i < kValues; ++i) {
      // An affine format's value is a difference, of which each part is off by so much.
      ASSERT_NEAR(after[i], before[i] * factor, 2 * kMostScaleError * largest * std::abs(factor)) << i;
    }
  }
}

// By powers of two nothing is rounded.
TEST_P(ScaleBlocksTest, PowersOfTwoAreExact) {
  const BlockFormat& format = GetFormat(GetParam().format);
  std::vector<std::byte> bytes = Encoded(format, 2);
  const std::vector<std::byte> before = bytes;
  const size_t blocks = kValues / format.block_elements;
  EXPECT_EQ(ScaleBlocks(format.id, 0.5f, blocks, bytes.data()), GetParam().scales);
  EXPECT_EQ(bytes == before, !GetParam().scales);
  EXPECT_EQ(ScaleBlocks(format.id, 2, blocks, bytes.data()), GetParam().scales);
  EXPECT_EQ(bytes, before);
}

TEST(ScaleBlocksTest, LeavesWhatHalvesDoNotHold) {
  const BlockFormat& format = GetFormat(Format::kQ4_1);
  const auto with_halves = [&](float d, float m) {
    std::vector<std::byte> block(2 * format.block_bytes);
    const uint16_t halves[] = {FloatToHalf(d), FloatToHalf(m)};
    std::memcpy(&block[format.block_bytes], halves, sizeof(halves));
    return block;
  };
  for (const auto& [d, m, factor, holds] :
       std::initializer_list<std::tuple<float, float, float, bool>>{{60000, 0, 2, false},
                                                                    {0, -60000, 2, false},
                                                                    {60000, 1, 1, true},
                                                                    {0x1p-14f, 0, 0.3f, true},
                                                                    {1, 0x1p-22f, 0.3f, false},
                                                                    {1, 0x1p-24f, 0.25f, false},
                                                                    {0, 0, 0.1f, true}}) {
    const std::vector<std::byte> before = with_halves(d, m);
    std::vector<std::byte> bytes = before;
    EXPECT_EQ(ScaleBlocks(format.id, factor, 2, bytes.data()), holds) << d << " " << m << " " << factor;
    if (!holds) {
      EXPECT_EQ(bytes, before);
    }
  }
}

}  // namespace
}  // namespace nibble
