#include "quant/block/q3_k.h"

#include <vector>

#include "gtest/gtest.h"
#include "quant/block/half.h"
#include "quant/block/test_blocks.h"

namespace nibble::q3_k {
namespace {

TEST(Q3_KTest, OneCode) {
  Block block = {};
  block.d = FloatToHalf(0.5f);
  // Scale 9 is 32 + 13: bits 0 to 3 in the high half of byte 1, bits 4 and 5 (10) in bits 4 and 5 of byte 1.
  block.scales_low[1] = 0xd0;
  block.scales_high[1] = 0b00100000;
  block.low[32 + 16] = 0b10;  // code 144: 2
  std::vector<float> values = Decoded<Block, DecodeBlock>(block);
  EXPECT_EQ(values[144], 0.5f * 13 * (2 - 4));
  EXPECT_EQ(values[145], 0.5f * 13 * (0 - 4));
  EXPECT_EQ(values[0], 0.5f * -32 * -4);
  block.high[16] = 0b10000;  // bit 2 of code 144
  EXPECT_EQ((Decoded<Block, DecodeBlock>(block))[144], 0.5f * 13 * 2);
}

}  // namespace
}  // namespace nibble::q3_k
