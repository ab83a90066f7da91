#include "quant/block/magnitude.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(MagnitudeTest, IsTheLargestWhereverItStands) {
  EXPECT_EQ(LargestMagnitude({}), 0);
  for (size_t n : {1, 15, 64, 100, 257}) {
    for (size_t at = 0; at < n; ++at) {
      std::vector<float> values(n, 0.5f);
      values[at] = -3;
      ASSERT_EQ(LargestMagnitude(values), 3) << at << " of " << n;
    }
  }
}

TEST(MagnitudeTest, WhatIsNotFiniteIsLargest) {
  for (float odd : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), std::nanf("")}) {
    std::vector<float> values(100, std::numeric_limits<float>::max());
    EXPECT_TRUE(std::isfinite(LargestMagnitude(values)));
    values[41] = odd;
    EXPECT_FALSE(std::isfinite(LargestMagnitude(values)));
  }
}

}  // namespace
}  // namespace nibble
