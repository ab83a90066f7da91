#include "quant/block/bit_planes.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace nibble {
namespace {

// A code alone sets its bits and no others, and is read back.
template <int kBits, int N>
void OneCodeAtATime() {
  constexpr int kCodes = N * 8 / kBits;
  for (int code = 0; code < kCodes; ++code) {
    std::vector<uint8_t> codes(kCodes), bytes(N), expected(N), back(kCodes);
    codes[code] = (1 << kBits) - 1;
    expected[code % N] = static_cast<uint8_t>(codes[code] << (code / N * kBits));
    PackPlanes<kBits, N>(codes.data(), bytes.data());
    EXPECT_EQ(bytes, expected) << code;
    UnpackPlanes<kBits, N>(bytes.data(), back.data());
    EXPECT_EQ(back, codes) << code;
  }
}

TEST(BitPlanesTest, FourBits) { OneCodeAtATime<4, 16>(); }
TEST(BitPlanesTest, TwoBits) { OneCodeAtATime<2, 32>(); }
TEST(BitPlanesTest, OneBit) { OneCodeAtATime<1, 32>(); }

}  // namespace
}  // namespace nibble
