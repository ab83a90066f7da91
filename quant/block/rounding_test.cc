#include "quant/block/rounding.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(RoundingTest, ReciprocalIsFinite) {
  EXPECT_EQ(Reciprocal(-4), -0.25f);
  EXPECT_EQ(Reciprocal(0), 0);
  EXPECT_EQ(Reciprocal(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_GT(Reciprocal(std::numeric_limits<float>::max()), 0);
}

TEST(RoundingTest, ClampKeepsTheInside) {
  EXPECT_EQ(Clamp(-9, -8, 7), -8);
  EXPECT_EQ(Clamp(7.5f, -8, 7), 7);
  EXPECT_EQ(Clamp(0.25f, -8, 7), 0.25f);
}

TEST(RoundingTest, RoundToEven) {
  for (int step = -4000; step <= 4000; ++step) {
    const float value = static_cast<float>(step) * 0.125f;
    ASSERT_EQ(RoundToEven(value), std::nearbyint(value));
  }
}

}  // namespace
}  // namespace nibble
