#include "pipeline/fit/knapsack.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace nibble {
namespace {

using Groups = std::vector<KnapsackGroup>;

// Bits of types, and what is off by about a quarter for each bit less.
KnapsackGroup TensorLike(std::mt19937& random, uint64_t elements) {
  const double sensitivity = std::exp(std::normal_distribution<double>(0, 1.5)(random));
  KnapsackGroup group;
  for (const double bits : {4.25, 4.5, 5.0, 5.5, 6.0, 6.5625, 8.5, 16.0}) {
    const double error = std::exp(std::normal_distribution<double>(0, 0.1)(random)) * std::pow(4, -bits);
    group.push_back({static_cast<uint64_t>(elements * bits / 8), bits == 16 ? 0 : sensitivity * error});
  }
  return group;
}

uint64_t Cost(const Groups& groups, const std::vector<size_t>& chosen) {
  uint64_t cost = 0;
  for (size_t g = 0; g < groups.size(); ++g) cost += groups[g][chosen[g]].cost;
  return cost;
}

double Harm(const Groups& groups, const std::vector<size_t>& chosen) {
  double harm = 0;
  for (size_t g = 0; g < groups.size(); ++g) harm += groups[g][chosen[g]].harm;
  return harm;
}

// The least harm of all choices; infinity if none is within the budget.
double BruteForce(const Groups& groups, uint64_t budget, size_t from = 0) {
  if (from == groups.size()) return 0;
  double least = INFINITY;
  for (const KnapsackOption& option : groups[from]) {
    if (option.cost > budget) continue;
    least = std::min(least, option.harm + BruteForce(groups, budget - option.cost, from + 1));
  }
  return least;
}

TEST(Knapsack, IsAnOptimumOfSmallProblems) {
  std::mt19937 random(1);
  const auto below = [&](int limit) { return static_cast<uint64_t>(random() % limit); };
  for (int trial = 0; trial < 3000; ++trial) {
    Groups groups(1 + below(6));
    // Few different values, so that there are ties; dominated options; groups of one.
    const int costs = trial % 2 == 0 ? 8 : 1000, harms = trial % 3 == 0 ? 4 : 1000;
    for (KnapsackGroup& group : groups) {
      group.resize(1 + below(5));
      for (KnapsackOption& option : group) option = {below(costs), static_cast<double>(below(harms))};
    }
    const uint64_t budget = below(costs * groups.size());
    const auto solution = SolveKnapsack(groups, budget);
    const double least = BruteForce(groups, budget);
    ASSERT_EQ(solution.has_value(), std::isfinite(least)) << trial;
    if (!solution) continue;
    EXPECT_NEAR(solution->harm, least, 1e-9 * (1 + least)) << trial;
    EXPECT_NEAR(solution->bound, least, 1e-9 * (1 + least)) << trial;
    EXPECT_LE(solution->cost, budget);
    EXPECT_EQ(solution->cost, Cost(groups, solution->chosen));
    EXPECT_DOUBLE_EQ(solution->harm, Harm(groups, solution->chosen));
  }
}

TEST(Knapsack, TakesTheCheapestOfTheBestWhereAllIsAffordable) {
  const auto solution = SolveKnapsack(Groups{{{10, 1}, {20, 0}, {30, 0}}, {{5, 2}}}, 1000);
  EXPECT_EQ(solution->chosen, (std::vector<size_t>{1, 0}));
  EXPECT_EQ(solution->bound, solution->harm);
}

TEST(Knapsack, SaysIfNothingIsAffordable) {
  const Groups groups = {{{10, 1}, {20, 0}}, {{5, 2}, {7, 1}}};
  EXPECT_FALSE(SolveKnapsack(groups, 14));
  EXPECT_EQ(SolveKnapsack(groups, 15)->cost, 15u);
}

TEST(Knapsack, FillsTheBudgetOfAModelAndProvesHowGoodItIs) {
  std::mt19937 random(2);
  Groups groups;
  for (int layer = 0; layer < 15; ++layer) {
    for (const uint64_t elements : {110592, 110592, 331776, 331776, 884736, 884736, 884736}) {
      groups.push_back(TensorLike(random, elements));
    }
  }
  uint64_t least = 0, most = 0;
  for (const KnapsackGroup& group : groups) {
    least += group.front().cost;
    most += group.back().cost;
  }
  for (int percent = 0; percent <= 100; percent += 4) {
    const uint64_t budget = least + (most - least) * percent / 100;
    const auto solution = SolveKnapsack(groups, budget);
    ASSERT_TRUE(solution);
    EXPECT_LE(solution->cost, budget);
    EXPECT_GE(solution->cost, budget * 0.995) << percent;
    EXPECT_LE(solution->bound, solution->harm);
    EXPECT_GE(solution->bound, solution->harm * 0.999) << percent;
    EXPECT_EQ(SolveKnapsack(groups, budget)->chosen, solution->chosen);
  }
}

TEST(Knapsack, ComesToTheLeastCostAskedFor) {
  // A large group whose step to the best does not fit beside the best of the small ones.
  Groups groups = {{{100, 1}, {200, 0.5}}};
  for (int i = 0; i < 30; ++i) groups.push_back({{1, 2}, {2, 1}, {4, 0}});
  const auto optimum = SolveKnapsack(groups, 290);
  EXPECT_EQ(optimum->cost, 220u);
  const auto fuller = SolveKnapsack(groups, 290, 285);
  EXPECT_GE(fuller->cost, 285u);
  EXPECT_LE(fuller->cost, 290u);
  EXPECT_EQ(fuller->cost, Cost(groups, fuller->chosen));
  EXPECT_DOUBLE_EQ(fuller->harm, Harm(groups, fuller->chosen));
  EXPECT_EQ(fuller->harm, 0.5 + 15);
  EXPECT_EQ(fuller->bound, optimum->harm);
  // Where nothing comes to it, the optimum stands.
  EXPECT_EQ(SolveKnapsack(Groups{{{1, 1}, {10, 0}}}, 5, 4)->cost, 1u);
}

TEST(Knapsack, TwoHundredThousandTensorsAreFew) {
  std::mt19937 random(3);
  Groups groups;
  uint64_t most = 0;
  for (int i = 0; i < 200'000; ++i) {
    groups.push_back(TensorLike(random, 4096 * (1 + random() % 4096)));
    most += groups.back().back().cost;
  }
  const auto solution = SolveKnapsack(groups, most / 3);
  ASSERT_TRUE(solution);
  EXPECT_GE(solution->bound, solution->harm * (1 - 1e-6));
  EXPECT_GE(solution->cost, most / 3 * 0.99999);
}

}  // namespace
}  // namespace nibble
