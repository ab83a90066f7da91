#include "quant/block/q4_1.h"

#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"
#include "quant/block/half.h"
#include "quant/block/test_blocks.h"

namespace nibble::q4_1 {
namespace {

TEST(Q4_1Test, TheSmallestValueIsTheOffset) {
  const std::vector<float> values = Values<Block>([](int i) { return 3.0 + 0.25 * (i % 16); });
  const Block block = PlainBlock(values.data());
  EXPECT_EQ(HalfToFloat(block.m), 3.0f);
  EXPECT_EQ((Decoded<Block, DecodeBlock>(block)), values);
}

TEST(Q4_1Test, TheSearchClipsWhatWeighsNothing) {
  // One value far away, and of no weight: the others, on a grid of their own, can be met exactly.
  std::vector<float> values = Values<Block>([](int i) { return 3.0 + 0.25 * (i % 16); }), weights(Block::kElements, 1);
  values[5] = 4.0f + 0.25f * 15;
  weights[5] = 0;
  const Block block = Searched<Block>(Format::kQ4_1, values, weights);
  const std::vector<float> decoded = Decoded<Block, DecodeBlock>(block);
  for (int i = 0; i < Block::kElements; ++i) {
    if (i != 5) {
      EXPECT_NEAR(decoded[i], values[i], 1e-3f) << i;
    }
  }
}

}  // namespace
}  // namespace nibble::q4_1
