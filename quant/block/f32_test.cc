#include "quant/block/f32.h"

#include <cstring>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/test_blocks.h"

namespace nibble::f32 {
namespace {

TEST(F32Test, KeepsEveryBit) {
  const float values[3] = {-0.0f, 1e-45f, 3.4e38f};
  std::byte bytes[sizeof(values)];
  EncodeRtn(values, 3, bytes);
  EXPECT_EQ(std::memcmp(bytes, values, sizeof(values)), 0);
  float back[3];
  Decode(bytes, 3, back);
  EXPECT_EQ(std::memcmp(back, values, sizeof(values)), 0);
}

}  // namespace
}  // namespace nibble::f32
