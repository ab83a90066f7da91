#include "pipeline/comm/divide.h"

#include <algorithm>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(DivideTest, TheCostliestFirstToWhomHasLeast) {
  EXPECT_THAT(Divide({1, 5, 3, 3}, 2), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(Divide({2, 2, 2, 2}, 2), ElementsAre(0, 1, 0, 1));  // equal ones in turn
}

TEST(DivideTest, OneRankHasAll) { EXPECT_THAT(Divide({4, 0, 7}, 1), Each(0)); }

TEST(DivideTest, MoreRanksThanPieces) { EXPECT_THAT(Divide({4, 7}, 5), ElementsAre(1, 0)); }

TEST(DivideTest, Nothing) { EXPECT_THAT(Divide({}, 3), IsEmpty()); }

TEST(DivideTest, NoRankHasMuchMoreThanTheMean) {
  std::vector<uint64_t> costs;
  for (uint64_t i = 0; i < 1000; ++i) costs.push_back(1 + i * i % 977);
  const uint64_t total = std::accumulate(costs.begin(), costs.end(), uint64_t{0});
  const uint64_t largest = *std::max_element(costs.begin(), costs.end());
  for (const int ranks : {2, 3, 7, 64}) {
    std::vector<uint64_t> loads(ranks);
    const std::vector<int> owners = Divide(costs, ranks);
    for (size_t i = 0; i < costs.size(); ++i) loads[owners[i]] += costs[i];
    EXPECT_LE(*std::max_element(loads.begin(), loads.end()), total / ranks + largest) << ranks;
  }
}

}  // namespace
}  // namespace nibble
