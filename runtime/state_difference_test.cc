#include "runtime/state_difference.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(StateDifferenceTest, ByHand) {
  // A right angle, the same row, the opposite one.
  const StateDifference difference = CompareStates({3, 4, 1, 2, 0, 5}, {4, -3, 1, 2, 0, -5}, 2, 2);
  EXPECT_EQ(difference.rows, 3);
  EXPECT_NEAR(difference.Cosine(), (0 + 1 - 1) / 3.0, 1e-15);
  EXPECT_DOUBLE_EQ(difference.RelativeError(), std::sqrt((50 + 0 + 100) / (25 + 5 + 25.0)));
}

TEST(StateDifferenceTest, Zeros) {
  EXPECT_EQ(CompareStates({0, 0}, {0, 0}, 2, 1).RelativeError(), 0);
  EXPECT_EQ(CompareStates({0, 0}, {0, 0}, 2, 1).Cosine(), 1);
  EXPECT_EQ(CompareStates({1, 0}, {0, 0}, 2, 1).RelativeError(), 1);
  EXPECT_EQ(CompareStates({1, 0}, {0, 0}, 2, 1).Cosine(), 0);
}

TEST(StateDifferenceTest, GroupsAddUpAndThreadsDoNotMatter) {
  std::vector<float> reference, candidate;
  for (int i = 0; i < 1000; ++i) reference.push_back(std::sin(i)), candidate.push_back(std::sin(1.01 * i));
  const StateDifference whole = CompareStates(reference, candidate, 4, 1);
  for (int threads : {2, 3}) {
    EXPECT_EQ(CompareStates(reference, candidate, 4, threads).squared_error, whole.squared_error);
    EXPECT_EQ(CompareStates(reference, candidate, 4, threads).cosines, whole.cosines);
  }
  StateDifference parts = CompareStates({reference.data(), 400}, {candidate.data(), 400}, 4, 2);
  parts += CompareStates({reference.data() + 400, 600}, {candidate.data() + 400, 600}, 4, 2);
  EXPECT_NEAR(parts.RelativeError(), whole.RelativeError(), 1e-12);
  EXPECT_NEAR(parts.Cosine(), whole.Cosine(), 1e-12);
}

}  // namespace
}  // namespace nibble
