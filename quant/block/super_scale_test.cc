#include "quant/block/super_scale.h"

#include "gtest/gtest.h"
#include "quant/block/grid.h"
#include "quant/block/lanes.h"
#include "quant/block/normalized.h"

namespace nibble {
namespace {

TEST(SuperScaleTest, FindsTheStepOfTargetsOnIt) {
  const float targets[4] = {0.25f * 63, 0.25f * 20, 0.25f * 7, 0.25f}, ones[4] = {1, 1, 1, 1};
  EXPECT_EQ(SearchSuperScale<4>(targets, ones, 0, 63), 0.25f);
}

TEST(SuperScaleTest, TheLargestNegativeIntegerTakesTheLargestTarget) {
  const float targets[2] = {32, -31}, ones[2] = {1, 1};
  EXPECT_EQ(SearchSuperScale<2>(targets, ones, -32, 31), -1.0f);
}

TEST(SuperScaleTest, NoTargetsNoStep) {
  const float targets[2] = {0, 0}, ones[2] = {1, 1};
  EXPECT_EQ(SearchSuperScale<2>(targets, ones, 0, 63), 0.0f);
}

TEST(SuperScaleTest, GroupsOnTheirGridsAreFoundExactly) {
  using Grid = IntegerGrid<-32, 31>;
  float values[256];
  for (int i = 0; i < 256; ++i) {
    const int scale = -128 + i / 16 * 8;  // of group i / 16
    values[i] = 0x1p-9f * static_cast<float>(scale) * static_cast<float>(i % 16 * 4 - 32);
  }
  const Normalized<256> block(values, nullptr);
  const ScaledGroups<16> found = SearchScaledGroups<Grid, 16, 16>(block, -128, 127);
  EXPECT_EQ(found.error, 0);
  EXPECT_EQ(HalfOfBits(found.d), 0x1p-9f);
  EXPECT_EQ(found.scales[0], -128);
  EXPECT_EQ(found.scales[9], -56);
}

}  // namespace
}  // namespace nibble
