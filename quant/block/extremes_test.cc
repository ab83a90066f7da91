#include "quant/block/extremes.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(ExtremesTest, SignedMaxIsTheFirstOfTheLargestMagnitude) {
  const float values[] = {1, -3, 3, 2};
  EXPECT_EQ(SignedMax(values, 4), -3);
  EXPECT_EQ(AbsMax(values, 4), 3);
  EXPECT_EQ(MinMax(values, 4).min, -3);
  EXPECT_EQ(MinMax(values, 4).max, 3);
  const float zeros[] = {0.0f, -0.0f};
  EXPECT_EQ(SignedMax(zeros, 2), 0);
}

TEST(ExtremesTest, ReciprocalIsFinite) {
  EXPECT_EQ(Reciprocal(-4), -0.25f);
  EXPECT_EQ(Reciprocal(0), 0);
  EXPECT_EQ(Reciprocal(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_GT(Reciprocal(std::numeric_limits<float>::max()), 0);
}

TEST(ExtremesTest, RoundToEven) {
  for (int step = -4000; step <= 4000; ++step) {
    const float value = static_cast<float>(step) * 0.125f;
    ASSERT_EQ(RoundToEven(value), std::nearbyint(value));
  }
}

}  // namespace
}  // namespace nibble
