#include "quant/block/extremes.h"

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

}  // namespace
}  // namespace nibble
