#include "quant/block/bf16.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/test_blocks.h"

namespace nibble::bf16 {
namespace {

TEST(BF16Test, EveryFiniteCodeComesBack) {
  for (int bits = 0; bits < 65536; ++bits) {
    if ((bits & 0x7f80) == 0x7f80) continue;
    float value;
    DecodeBlock({static_cast<uint16_t>(bits)}, &value);
    ASSERT_EQ(PlainBlock(&value).bits, bits);
  }
}

TEST(BF16Test, RoundsToNearestEvenAndSaturates) {
  for (const auto& [value, bits] : std::vector<std::pair<float, uint16_t>>{{1.00390625f, 0x3f80},
                                                                           {1.01171875f, 0x3f82},
                                                                           {1.0040f, 0x3f81},
                                                                           {3.4028235e38f, 0x7f7f},
                                                                           {-3.4028235e38f, 0xff7f}}) {
    EXPECT_EQ(PlainBlock(&value).bits, bits) << value;
  }
}

}  // namespace
}  // namespace nibble::bf16
