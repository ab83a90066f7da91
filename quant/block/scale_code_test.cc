#include "quant/block/scale_code.h"

#include <cmath>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(ScaleCodeTest, EveryE8M0) {
  for (int code = 0; code < 256; ++code) {
    EXPECT_EQ(HalfOfE8M0(static_cast<uint8_t>(code)), std::ldexp(1.0f, code - 128)) << code;
  }
}

double UE4M3(int code) {
  const int exponent = code >> 3, mantissa = code & 7;
  return exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
}

TEST(ScaleCodeTest, EveryUE4M3) {
  for (int code = 0; code < 0x7f; ++code) EXPECT_EQ(HalfOfUE4M3(static_cast<uint8_t>(code)), UE4M3(code) / 2) << code;
  EXPECT_EQ(HalfOfUE4M3(0x7f), 0.0f);
  EXPECT_EQ(HalfOfUE4M3(kMaxUE4M3), 224.0f);
}

TEST(ScaleCodeTest, RoundsToTheNearestUE4M3) {
  for (int code = 0; code < 0x77; ++code) {
    const float middle = static_cast<float>((UE4M3(code) + UE4M3(code + 1)) / 2);
    const bool last_denormal = code == 7;  // denormals do not round up into the normals
    EXPECT_EQ(RoundToUE4M3(static_cast<float>(UE4M3(code))), code);
    EXPECT_EQ(RoundToUE4M3(0.9999f * middle), code);
    EXPECT_EQ(RoundToUE4M3(middle), last_denormal ? code : code + 1);
  }
  EXPECT_EQ(RoundToUE4M3(256.0f), kMaxUE4M3);
  EXPECT_EQ(RoundToUE4M3(3e38f), kMaxUE4M3);
}

}  // namespace
}  // namespace nibble
