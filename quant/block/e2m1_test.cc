#include "quant/block/e2m1.h"

#include <cmath>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(E2M1Test, EveryCode) {
  for (int code = 0; code < 16; ++code) {
    const int exponent = code >> 1 & 3, mantissa = code & 1;
    const double value = exponent == 0 ? mantissa * 0.5 : std::ldexp(2 + mantissa, exponent - 2);
    EXPECT_EQ(DoubledE2M1(static_cast<uint8_t>(code)), 2 * (code & 8 ? -value : value)) << code;
  }
}

TEST(E2M1Test, NearestIsTheFirstOfTheLeastError) {
  for (float scale : {1.0f, 0.8125f, 0x1p-128f}) {
    for (int step = -1600; step <= 1600; ++step) {
      const float value = static_cast<float>(step) * 0.01f * scale;
      int nearest = 0;
      for (int code = 1; code < 16; ++code) {
        const auto error = [&](int c) { return std::abs(double{value} - double{scale} * DoubledE2M1(c)); };
        if (error(code) < error(nearest)) nearest = code;
      }
      ASSERT_EQ(NearestE2M1(value, scale), nearest) << value << " at scale " << scale;
    }
  }
}

TEST(E2M1Test, TiesGoToZero) {
  EXPECT_EQ(NearestE2M1(0.5f, 1.0f), 0);
  EXPECT_EQ(NearestE2M1(-0.5f, 1.0f), 0);
  EXPECT_EQ(NearestE2M1(5.0f, 1.0f), 4);
  EXPECT_EQ(NearestE2M1(-10.0f, 1.0f), 14);
}

TEST(E2M1Test, ZeroHasNoSign) {
  EXPECT_EQ(NearestE2M1(-0.0f, 1.0f), 0);
  EXPECT_EQ(NearestE2M1(-0.1f, 1.0f), 0);
}

}  // namespace
}  // namespace nibble
