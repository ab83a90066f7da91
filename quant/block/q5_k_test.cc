#include "quant/block/q5_k.h"

#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"
#include "quant/block/half.h"
#include "quant/block/k_scales.h"
#include "quant/block/test_blocks.h"

namespace nibble::q5_k {
namespace {

// Group g is a ramp over all codes, with scale 8 g + 7 and minimum 9 g in units of the halves.
std::vector<float> Ramps() {
  return Values<Block>([](int i) { return 0x1p-8 * (8 * (i / 32) + 7) * (i % 32) - 0x1p-6 * 9 * (i / 32); });
}

TEST(Q5_KTest, GroupsHaveTheirOwnScalesAndMinima) {
  const std::vector<float> values = Ramps();
  const Block block = PlainBlock(values.data());
  for (int g = 0; g < 8; ++g) {
    EXPECT_EQ(KScale(block.scales, g), 8 * g + 7);
    EXPECT_EQ(KMin(block.scales, g), 9 * g);
  }
  EXPECT_EQ((Decoded<Block, DecodeBlock>(block)), values);
}

TEST(Q5_KTest, TheSearchKeepsWhatIsOnItsGrid) {
  const std::vector<float> values = Ramps();
  EXPECT_EQ((Decoded<Block, DecodeBlock>(Searched<Block>(Format::kQ5_K, values, {}))), values);
}

TEST(Q5_KTest, PositiveValuesWithoutASuitableMinimum) {
  const std::vector<float> values = Values<Block>([](int i) { return 0.5 + 0.01 * (i % 7); });
  for (const Block& block : {PlainBlock(values.data()), Searched<Block>(Format::kQ5_K, values, {})}) {
    for (float value : Decoded<Block, DecodeBlock>(block)) EXPECT_NEAR(value, 0.53f, 0.05f);
  }
}

TEST(Q5_KTest, EqualNegativeValuesAreTheMinimum) {
  const std::vector<float> values(Block::kElements, -0.625f);
  for (const Block& block : {PlainBlock(values.data()), Searched<Block>(Format::kQ5_K, values, {})}) {
    for (float value : Decoded<Block, DecodeBlock>(block)) EXPECT_NEAR(value, -0.625f, 1e-3f);
  }
}

}  // namespace
}  // namespace nibble::q5_k
