#include "quant/block/fold_sum.h"

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(FoldSumTest, Sums) {
  EXPECT_EQ(FoldSum<1>([](int) { return 3.0f; }), 3);
  EXPECT_EQ(FoldSum<32>([](int i) { return static_cast<float>(i); }), 496);
}

TEST(FoldSumTest, TheOrderIsATreeOfHalves) {
  // (a + c) + (b + d): any other order rounds differently.
  constexpr float kTerms[] = {1e8f, 1.0f, -1e8f, 1.0f};
  EXPECT_EQ(FoldSum<4>([&](int i) { return kTerms[i]; }), 2.0f);
}

}  // namespace
}  // namespace nibble
