#include "converters/yarn.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "model/model_spec.pb.h"

namespace nibble {
namespace {

RopeScaling GptOss() {
  RopeScaling scaling;
  scaling.set_type("yarn");
  scaling.set_factor(32);
  scaling.set_original_context(4096);
  scaling.set_beta_fast(32);
  scaling.set_beta_slow(1);
  scaling.set_untruncated(true);
  return scaling;
}

// What the ramp's ends are, read off the first and last frequencies that it touches.
TEST(Yarn, RampsBetweenTheCorrectionDimensions) {
  constexpr double kLow = 8.0928, kHigh = 17.3980;  // of gpt-oss
  const std::vector<float> factors = YarnFactors(GptOss(), 64, 150'000);
  ASSERT_EQ(factors.size(), 32);
  for (int pair = 0; pair < 32; ++pair) {
    const double slow = std::min(1.0, std::max(0.0, (pair - kLow) / (kHigh - kLow)));
    EXPECT_NEAR(factors[pair], 1 / (slow / 32 + 1 - slow), 2e-3) << pair;
  }
  EXPECT_EQ(factors[8], 1);
  EXPECT_EQ(factors[18], 32);
}

TEST(Yarn, RoundsTheCorrectionDimensionsUnlessToldNotTo) {
  RopeScaling scaling = GptOss();
  scaling.set_untruncated(false);
  const std::vector<float> factors = YarnFactors(scaling, 64, 150'000);
  EXPECT_NEAR(factors[9], 1 / (0.1 / 32 + 0.9), 1e-6);  // from 8 to 18
}

// Kimi K2: both betas 1, so the ramp is one dimension wide.
TEST(Yarn, BetasMayBeEqual) {
  RopeScaling scaling = GptOss();
  scaling.set_beta_fast(1);
  scaling.set_untruncated(false);
  const std::vector<float> factors = YarnFactors(scaling, 64, 50'000);
  EXPECT_EQ(factors[19], 1);
  EXPECT_EQ(factors[20], 32);
}

TEST(Yarn, MagnitudeIsMscalesQuotient) {
  RopeScaling scaling = GptOss();
  EXPECT_NEAR(YarnMagnitude(scaling), 1.34657, 1e-5);
  scaling.set_mscale(1);
  scaling.set_mscale_all_dim(1);
  EXPECT_EQ(YarnMagnitude(scaling), 1);
  scaling.set_mscale(0.707f);
  EXPECT_NEAR(YarnMagnitude(scaling), (0.0707 * std::log(32) + 1) / (0.1 * std::log(32) + 1), 1e-6);
  EXPECT_EQ(YarnMscale(0.5), 1);
}

}  // namespace
}  // namespace nibble
