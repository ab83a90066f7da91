#include "quant/block/half.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace nibble {
namespace {

// What the standard says, in plain arithmetic.
double Value(int half) {
  const int exponent = half >> 10 & 31, mantissa = half & 1023;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

TEST(HalfTest, DecodesEveryFiniteCode) {
  for (int half = 0; half < 65536; ++half) {
    if ((half & 0x7c00) == 0x7c00) continue;
    const float value = HalfToFloat(static_cast<uint16_t>(half));
    ASSERT_EQ(value, Value(half)) << half;
    ASSERT_EQ(std::signbit(value), (half & 0x8000) != 0) << half;
  }
}

TEST(HalfTest, DecodesInfinitiesAndNaNs) {
  EXPECT_EQ(HalfToFloat(0x7c00), std::numeric_limits<float>::infinity());
  EXPECT_EQ(HalfToFloat(0xfc00), -std::numeric_limits<float>::infinity());
  for (int mantissa = 1; mantissa < 1024; ++mantissa) {
    ASSERT_TRUE(std::isnan(HalfToFloat(static_cast<uint16_t>(0x7c00 | mantissa))));
    ASSERT_TRUE(std::isnan(HalfToFloat(static_cast<uint16_t>(0xfc00 | mantissa))));
  }
}

TEST(HalfTest, EveryCodeComesBack) {
  for (int half = 0; half < 65536; ++half) {
    const uint16_t code = static_cast<uint16_t>(half);
    if ((half & 0x7fff) > 0x7c00) {
      ASSERT_TRUE(std::isnan(HalfToFloat(FloatToHalf(HalfToFloat(code)))));
    } else {
      ASSERT_EQ(FloatToHalf(HalfToFloat(code)), code);
    }
  }
}

TEST(HalfTest, RoundsToNearestEvenBetweenAllNeighbours) {
  for (int lower = 0; lower < 0x7bff; ++lower) {
    const int upper = lower + 1;
    const float middle = static_cast<float>((Value(lower) + Value(upper)) / 2);
    ASSERT_EQ(FloatToHalf(middle), lower % 2 == 0 ? lower : upper);
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, 0.0f)), lower);
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, 1e6f)), upper);
    ASSERT_EQ(FloatToHalf(-middle), 0x8000 | (lower % 2 == 0 ? lower : upper));
  }
}

TEST(HalfTest, BeyondTheRange) {
  EXPECT_EQ(FloatToHalf(65519.996f), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(FloatToHalf(-std::numeric_limits<float>::max()), 0xfc00);
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(FloatToHalf(-1e-30f), 0x8000);
}

TEST(HalfTest, SaturateIsFinite) {
  EXPECT_EQ(SaturateToHalf(65520.0f), 0x7bff);
  EXPECT_EQ(SaturateToHalf(-1e30f), 0xfbff);
  EXPECT_EQ(SaturateToHalf(std::numeric_limits<float>::infinity()), 0x7bff);
  EXPECT_EQ(SaturateToHalf(1.0f), 0x3c00);
}

}  // namespace
}  // namespace nibble
