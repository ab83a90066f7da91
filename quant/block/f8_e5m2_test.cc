#include "quant/block/f8_e5m2.h"

#include <cmath>
#include <cstdint>

#include "gtest/gtest.h"
#include "quant/block/test_blocks.h"

namespace nibble::f8_e5m2 {
namespace {

TEST(F8E5M2Test, EveryCode) {
  for (int code = 0; code < 256; ++code) {
    const int exponent = code >> 2 & 31, mantissa = code & 3;
    const double magnitude = exponent == 0 ? std::ldexp(mantissa, -16) : std::ldexp(4 + mantissa, exponent - 15 - 2);
    float value;
    DecodeBlock({static_cast<uint8_t>(code)}, &value);
    EXPECT_EQ(std::signbit(value), code >= 128) << code;
    if (exponent < 31) {
      EXPECT_EQ(value, code < 128 ? magnitude : -magnitude) << code;
    } else {
      EXPECT_EQ(std::isinf(value), mantissa == 0) << code;
      EXPECT_EQ(std::isnan(value), mantissa != 0) << code;
    }
  }
}

}  // namespace
}  // namespace nibble::f8_e5m2
