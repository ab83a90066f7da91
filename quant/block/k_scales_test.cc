#include "quant/block/k_scales.h"

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(KScalesTest, EveryValueInEveryPlace) {
  for (int place = 0; place < 16; ++place) {
    for (int value = 0; value <= kMaxKScale; ++value) {
      uint8_t both[16] = {};
      both[place] = static_cast<uint8_t>(value);
      const KScales packed = PackKScales(both, both + 8);
      for (int g = 0; g < 8; ++g) {
        ASSERT_EQ(KScale(packed, g), both[g]);
        ASSERT_EQ(KMin(packed, g), both[g + 8]);
      }
    }
  }
}

TEST(KScalesTest, Layout) {
  const uint8_t scales[8] = {1, 2, 3, 4, 0x25, 0x16, 0x37, 0x08};
  const uint8_t mins[8] = {5, 6, 7, 8, 0x19, 0x2a, 0x0b, 0x3c};
  const uint8_t expected[12] = {0x81, 0x42, 0xc3, 0x04, 0x45, 0x86, 0x07, 0xc8, 0x95, 0xa6, 0xb7, 0xc8};
  const KScales packed = PackKScales(scales, mins);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(packed.bytes[i], expected[i]) << i;
}

}  // namespace
}  // namespace nibble
