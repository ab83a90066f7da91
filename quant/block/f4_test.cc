#include "quant/block/f4.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "quant/block/test_blocks.h"

namespace nibble::f4 {
namespace {

TEST(F4Test, EveryByte) {
  constexpr float kValues[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  for (int byte = 0; byte < 256; ++byte) {
    float values[2];
    DecodeBlock({static_cast<uint8_t>(byte)}, values);
    EXPECT_EQ(values[0], kValues[byte & 15]) << byte;
    EXPECT_EQ(values[1], kValues[byte >> 4]) << byte;
  }
}

}  // namespace
}  // namespace nibble::f4
