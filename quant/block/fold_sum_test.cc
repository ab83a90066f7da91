#include "quant/block/fold_sum.h"

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(FoldSumTest, Sums) {
  float one[] = {3};
  EXPECT_EQ(FoldSum<1>(one), 3);
  float terms[32];
  for (int i = 0; i < 32; ++i) terms[i] = static_cast<float>(i);
  EXPECT_EQ(FoldSum<32>(terms), 496);
}

TEST(FoldSumTest, TheOrderIsATreeOfHalves) {
  // (a + c) + (b + d): any other order rounds differently.
  float terms[] = {1e8f, 1.0f, -1e8f, 1.0f};
  EXPECT_EQ(FoldSum<4>(terms), 2.0f);
}

}  // namespace
}  // namespace nibble
