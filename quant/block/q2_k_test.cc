#include "quant/block/q2_k.h"

#include <vector>

#include "gtest/gtest.h"
#include "quant/block/half.h"
#include "quant/block/test_blocks.h"

namespace nibble::q2_k {
namespace {

TEST(Q2_KTest, OneGroup) {
  Block block = {};
  block.d = FloatToHalf(0.5f);
  block.dmin = FloatToHalf(0.25f);
  block.scales[9] = 0x73;             // group 9: values 144 to 159
  block.codes[32 + 16] = 0b11100100;  // code 128 + 32 k + 16 is k
  const std::vector<float> values = Decoded<Block, DecodeBlock>(block);
  EXPECT_EQ(values[144], 0.5f * 3 * 0 - 0.25f * 7);
  EXPECT_EQ(values[145], -0.25f * 7);
  block.scales[9] = 0;
  block.scales[15] = 0x0f;
  EXPECT_EQ((Decoded<Block, DecodeBlock>(block))[240], 0.5f * 15 * 3);
}

}  // namespace
}  // namespace nibble::q2_k
