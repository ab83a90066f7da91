#include "quant/block/iq4.h"

#include <cmath>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(Iq4Test, NearestLevelUpperOfTwo) {
  for (int step = -1300; step <= 1300; ++step) {
    const float ratio = static_cast<float>(step) * 0.125f;
    int nearest = 0;
    for (int code = 1; code < 16; ++code) {
      if (std::abs(ratio - Iq4Level(code)) <= std::abs(ratio - Iq4Level(nearest))) nearest = code;
    }
    ASSERT_EQ(Iq4Code(ratio), nearest) << ratio;
    ASSERT_EQ(Iq4Grid::Nearest(ratio), Iq4Level(nearest)) << ratio;
  }
}

TEST(Iq4Test, LevelsAscendBetweenTheGridsEnds) {
  for (int code = 1; code < 16; ++code) EXPECT_GT(Iq4Level(code), Iq4Level(code - 1));
  EXPECT_EQ(Iq4Level(0), Iq4Grid::kLow);
  EXPECT_EQ(Iq4Level(15), Iq4Grid::kHigh);
}

}  // namespace
}  // namespace nibble
