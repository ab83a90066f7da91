#include "quant/transform/awq_scales.h"

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;

TEST(AwqScales, ArePowersOfTheRootMeanSquareWithAProductOfOne) {
  EXPECT_THAT(AwqScales({16, 1, 1, 16}, 1),
              ElementsAre(FloatNear(2, 1e-6), FloatNear(0.5, 1e-6), FloatNear(0.5, 1e-6), FloatNear(2, 1e-6)));
  EXPECT_THAT(AwqScales({16, 1}, 0.5), ElementsAre(FloatNear(std::sqrt(2), 1e-6), FloatNear(std::sqrt(0.5), 1e-6)));
}

TEST(AwqScales, AreOneWhereNothingIsKnownOrWanted) {
  EXPECT_THAT(AwqScales({0, 0, 0}, 0.5), Each(1));
  EXPECT_THAT(AwqScales({3, 5, 7}, 0), Each(1));
  EXPECT_THAT(AwqScales({}, 0.5), ElementsAre());
}

TEST(AwqScales, OfChannelsThatAreNeverUsedAreBounded) {
  const std::vector<float> scales = AwqScales({1, 1, 1, 0}, 1);
  EXPECT_NEAR(scales[0] / scales[3], std::sqrt(1 / (kLeastShare * 0.75)), 1);
}

}  // namespace
}  // namespace nibble
