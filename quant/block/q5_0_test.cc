#include "quant/block/q5_0.h"

#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"
#include "quant/block/half.h"
#include "quant/block/test_blocks.h"

namespace nibble::q5_0 {
namespace {

TEST(Q5_0Test, TheLargestMagnitudeBecomesCodeZero) {
  for (float sign : {1.0f, -1.0f}) {
    // -16, -15, ... in units of the scale: all of them codes.
    const std::vector<float> values = Values<Block>([&](int i) { return sign * 0.25 * (i % 32 - 16); });
    const Block block = PlainBlock(values.data());
    EXPECT_EQ(HalfToFloat(block.d), sign * 0.25f);
    EXPECT_EQ((Decoded<Block, DecodeBlock>(block)), values);
  }
}

TEST(Q5_0Test, TheSearchTriesBothEnds) {
  // On the other side of zero lies nothing: the plain rule wastes it, and a value of 15 units is clipped by none.
  const std::vector<float> values = Values<Block>([](int i) { return i == 3 ? 15.0 : -(i % 16); });
  const Block block = Searched<Block>(Format::kQ5_0, values, {});
  EXPECT_EQ((Decoded<Block, DecodeBlock>(block)), values);
}

}  // namespace
}  // namespace nibble::q5_0
