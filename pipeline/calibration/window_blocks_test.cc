#include "pipeline/calibration/window_blocks.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(WindowBlocksTest, AreFewAndNotSmall) {
  EXPECT_EQ(WindowBlocks(128, 512).count(), 16);
  EXPECT_EQ(WindowBlocks(128, 512).size(), 8);
  EXPECT_EQ(WindowBlocks(3, 2048).count(), 3);
  EXPECT_EQ(WindowBlocks(20, 64).size(), 8);
  EXPECT_EQ(WindowBlocks(20, 64).count(), 3);
  EXPECT_EQ(WindowBlocks(1, 16).count(), 1);
}

TEST(WindowBlocksTest, RanksHaveAllWindowsOnce) {
  for (int64_t windows = 1; windows < 60; ++windows) {
    for (int ranks = 1; ranks < 20; ++ranks) {
      const WindowBlocks blocks(windows, 300);
      EXPECT_EQ(blocks.FirstWindowOf(0, ranks), 0);
      EXPECT_EQ(blocks.FirstWindowOf(ranks, ranks), windows);
      for (int rank = 0; rank < ranks; ++rank) {
        EXPECT_LE(blocks.FirstWindowOf(rank, ranks), blocks.FirstWindowOf(rank + 1, ranks));
        EXPECT_LE(blocks.FirstOf(rank + 1, ranks) - blocks.FirstOf(rank, ranks), (blocks.count() + ranks - 1) / ranks);
      }
    }
  }
}

}  // namespace
}  // namespace nibble
