#include "quant/block/q8_0.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"
#include "quant/block/half.h"
#include "quant/block/test_blocks.h"

namespace nibble::q8_0 {
namespace {

TEST(Q8_0Test, RoundsHalfAwayFromZero) {
  std::vector<float> values(Block::kElements);
  values[0] = 127;
  values[1] = 2.5f;
  values[2] = -2.5f;
  values[3] = -127;
  const Block block = PlainBlock(values.data());
  EXPECT_EQ(HalfToFloat(block.d), 1.0f);
  EXPECT_EQ(block.codes[0], 127);
  EXPECT_EQ(block.codes[1], 3);
  EXPECT_EQ(block.codes[2], -3);
  EXPECT_EQ(block.codes[3], -127);
}

TEST(Q8_0Test, NeverMakesMinus128) {
  for (int seed = 0; seed < 200; ++seed) {
    const std::vector<float> values = Values<Block>([&](int i) { return i == seed % 32 ? -1.0 - seed * 1e-4 : 0.3; });
    for (const Block& block : {PlainBlock(values.data()), Searched<Block>(Format::kQ8_0, values, {})}) {
      for (int8_t code : block.codes) ASSERT_GT(code, -128);
    }
  }
}

}  // namespace
}  // namespace nibble::q8_0
