#include "quant/block/f8_e8m0.h"

#include <cmath>
#include <cstdint>

#include "gtest/gtest.h"
#include "quant/block/test_blocks.h"

namespace nibble::f8_e8m0 {
namespace {

TEST(F8E8M0Test, EveryCode) {
  for (int code = 0; code < 256; ++code) {
    float value;
    DecodeBlock({static_cast<uint8_t>(code)}, &value);
    if (code == 255) {
      EXPECT_TRUE(std::isnan(value));
    } else {
      EXPECT_EQ(value, std::ldexp(1.0, code - 127)) << code;
    }
  }
}

}  // namespace
}  // namespace nibble::f8_e8m0
