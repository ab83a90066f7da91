#include "quant/block/q6_k.h"

#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"
#include "quant/block/half.h"
#include "quant/block/test_blocks.h"

namespace nibble::q6_k {
namespace {

// Group g holds levels times the scale -128 + 16 g: the lowest scale, and one zero.
std::vector<float> Ramps() {
  return Values<Block>([](int i) { return 0x1p-9 * (-128 + 16 * (i / 16)) * (i % 16 * 4 - 32); });
}

TEST(Q6_KTest, GroupsHaveTheirOwnSignedScales) {
  const std::vector<float> values = Ramps();
  for (const Block& block : {PlainBlock(values.data()), Searched<Block>(Format::kQ6_K, values, {})}) {
    EXPECT_EQ(HalfToFloat(block.d), 0x1p-9f);
    for (int g = 0; g < Block::kGroups; ++g) EXPECT_EQ(block.scales[g], -128 + 16 * g);
    EXPECT_EQ((Decoded<Block, DecodeBlock>(block)), values);
  }
}

TEST(Q6_KTest, AGroupOfZerosBesideOthers) {
  const std::vector<float> values = Values<Block>([](int i) { return i / 16 == 3 ? 0.0 : 0.1 * (i % 5 - 2); });
  for (const Block& block : {PlainBlock(values.data()), Searched<Block>(Format::kQ6_K, values, {})}) {
    const std::vector<float> decoded = Decoded<Block, DecodeBlock>(block);
    for (int i = 3 * 16; i < 4 * 16; ++i) EXPECT_EQ(decoded[i], 0);
  }
}

}  // namespace
}  // namespace nibble::q6_k
