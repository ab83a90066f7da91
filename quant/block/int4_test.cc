#include "quant/block/int4.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "quant/block/test_blocks.h"

namespace nibble::int4 {
namespace {

TEST(Int4Test, EveryByte) {
  for (int byte = 0; byte < 256; ++byte) {
    float values[2];
    DecodeBlock({static_cast<uint8_t>(byte)}, values);
    EXPECT_EQ(values[0], byte % 16 - 8) << byte;
    EXPECT_EQ(values[1], byte / 16 - 8) << byte;
  }
}

}  // namespace
}  // namespace nibble::int4
