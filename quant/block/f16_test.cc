#include "quant/block/f16.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/test_blocks.h"

namespace nibble::f16 {
namespace {

TEST(F16Test, RoundsAndSaturates) {
  for (const auto& [value, half] : std::vector<std::pair<float, uint16_t>>{{1.0f, 0x3c00},
                                                                           {-0.0f, 0x8000},
                                                                           {1.00048828125f, 0x3c00},
                                                                           {65504.0f, 0x7bff},
                                                                           {1e9f, 0x7bff},
                                                                           {-1e9f, 0xfbff}}) {
    EXPECT_EQ(PlainBlock(&value).half, half) << value;
  }
}

}  // namespace
}  // namespace nibble::f16
