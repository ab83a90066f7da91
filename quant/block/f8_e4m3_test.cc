#include "quant/block/f8_e4m3.h"

#include <cmath>
#include <cstdint>

#include "gtest/gtest.h"
#include "quant/block/test_blocks.h"

namespace nibble::f8_e4m3 {
namespace {

TEST(F8E4M3Test, EveryCode) {
  for (int code = 0; code < 256; ++code) {
    const int exponent = code >> 3 & 15, mantissa = code & 7;
    const double magnitude = exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 7 - 3);
    float value;
    DecodeBlock({static_cast<uint8_t>(code)}, &value);
    if ((code & 0x7f) == 0x7f) {
      EXPECT_TRUE(std::isnan(value)) << code;
    } else {
      EXPECT_EQ(value, code < 128 ? magnitude : -magnitude) << code;
      EXPECT_EQ(std::signbit(value), code >= 128) << code;
    }
  }
}

}  // namespace
}  // namespace nibble::f8_e4m3
