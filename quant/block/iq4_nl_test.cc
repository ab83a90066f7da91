#include "quant/block/iq4_nl.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"
#include "quant/block/half.h"
#include "quant/block/iq4.h"
#include "quant/block/test_blocks.h"

namespace nibble::iq4_nl {
namespace {

TEST(IQ4_NLTest, TheLargestMagnitudeBecomesCodeZero) {
  for (float sign : {1.0f, -1.0f}) {
    const std::vector<float> values =
        Values<Block>([&](int i) { return sign * 0.5f * static_cast<float>(Iq4Level(static_cast<uint8_t>(i % 16))); });
    for (const Block& block : {PlainBlock(values.data()), Searched<Block>(Format::kIQ4_NL, values, {})}) {
      EXPECT_EQ(HalfToFloat(block.d), sign * 0.5f);
      EXPECT_EQ((Decoded<Block, DecodeBlock>(block)), values);
    }
  }
}

}  // namespace
}  // namespace nibble::iq4_nl
