#include "quant/block/iq4_xs.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"
#include "quant/block/half.h"
#include "quant/block/iq4.h"
#include "quant/block/test_blocks.h"

namespace nibble::iq4_xs {
namespace {

// Group g holds levels times the scale -32 + 8 g: the lowest scale, and one zero.
std::vector<float> Ramps() {
  return Values<Block>([](int i) { return 0x1p-9 * (-32 + 8 * (i / 32)) * Iq4Level(static_cast<uint8_t>(i % 16)); });
}

TEST(IQ4_XSTest, GroupsHaveTheirOwnSignedScales) {
  const std::vector<float> values = Ramps();
  for (const Block& block : {PlainBlock(values.data()), Searched<Block>(Format::kIQ4_XS, values, {})}) {
    EXPECT_EQ(HalfToFloat(block.d), 0x1p-9f);
    for (int g = 0; g < Block::kGroups; ++g) EXPECT_EQ(Scale(block, g), -32 + 8 * g);
    EXPECT_EQ((Decoded<Block, DecodeBlock>(block)), values);
  }
}

TEST(IQ4_XSTest, AGroupOfZerosBesideOthers) {
  const std::vector<float> values = Values<Block>([](int i) { return i / 32 == 3 ? 0.0 : 0.1 * (i % 5 - 2); });
  for (const Block& block : {PlainBlock(values.data()), Searched<Block>(Format::kIQ4_XS, values, {})}) {
    const std::vector<float> decoded = Decoded<Block, DecodeBlock>(block);
    for (int i = 3 * 32; i < 4 * 32; ++i) EXPECT_EQ(decoded[i], 0);
  }
}

TEST(IQ4_XSTest, EveryScaleInEveryPlace) {
  for (int place = 0; place < Block::kGroups; ++place) {
    for (int value = kMinScale; value <= kMaxScale; ++value) {
      int scales[Block::kGroups] = {1, -2, 3, -4, 5, -6, 7, -8};
      scales[place] = value;
      Block block;
      PackScales(scales, block);
      for (int g = 0; g < Block::kGroups; ++g) ASSERT_EQ(Scale(block, g), scales[g]);
    }
  }
}

}  // namespace
}  // namespace nibble::iq4_xs
