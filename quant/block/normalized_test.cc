#include "quant/block/normalized.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(NormalizedTest, ScalesByPowersOfTwo) {
  for (int exponent = -126; exponent <= 126; ++exponent) {
    const float values[2] = {std::ldexp(1.5f, exponent), std::ldexp(-0.25f, exponent)};
    const float weights[2] = {std::ldexp(3.0f, exponent / 2), 0};
    const Normalized<2> block(values, weights);
    EXPECT_EQ(block.unit, std::ldexp(1.0f, exponent));
    EXPECT_EQ(block.x[0], 1.5f);
    EXPECT_EQ(block.w[0], 1.5f);
    EXPECT_EQ(block.w[1], 0x1p-30f);
  }
}

TEST(NormalizedTest, TheEndsOfTheRangeStayFinite) {
  for (float value : {std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min(), 0.0f}) {
    const Normalized<1> block(&value, &value);
    EXPECT_TRUE(std::isfinite(block.x[0]));
    EXPECT_EQ(block.x[0] * block.unit, value);
  }
}

TEST(NormalizedTest, NoWeightsMeansOnes) {
  const float values[2] = {1, 2};
  const Normalized<2> block(values, nullptr);
  EXPECT_EQ(block.w[0], 1);
  EXPECT_EQ(block.w[1], 1);
}

TEST(NormalizedTest, ZeroWeightsAreAllAlike) {
  const float values[2] = {1, 2}, zeros[2] = {0, 0};
  const Normalized<2> block(values, zeros);
  EXPECT_GT(block.w[0], 0);
  EXPECT_EQ(block.w[0], block.w[1]);
}

TEST(NormalizedTest, HalvesAreOfTheRealScale) {
  const float value = 1024 * 1.25f;
  const Normalized<1> block(&value, nullptr);
  EXPECT_EQ(block.ToHalf(1.25f), FloatToHalf(1280.0f));
  EXPECT_EQ(block.FromHalf(FloatToHalf(1280.0f)), 1.25f);
  EXPECT_EQ(block.ToHalf(1e6f), 0x7bff);
}

}  // namespace
}  // namespace nibble
