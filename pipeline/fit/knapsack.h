// The multiple-choice knapsack: of every group one option, so that their harm is least within a budget of their cost.
#ifndef NIBBLE_PIPELINE_FIT_KNAPSACK_H_
#define NIBBLE_PIPELINE_FIT_KNAPSACK_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace nibble {

struct KnapsackOption {
  uint64_t cost = 0;
  double harm = 0;  // finite, not negative
};
using KnapsackGroup = std::vector<KnapsackOption>;

struct KnapsackSolution {
  std::vector<size_t> chosen;  // of each group
  uint64_t cost = 0;
  double harm = 0;
  double bound = 0;  // no choice within the budget has less harm; equal to `harm`: it is an optimum
};

// The same for the same groups. Nothing if the cheapest options are beyond the budget. Where an optimum costs less than
// `least`, as no single step of its groups is small enough for what it leaves, one of the costly groups is held at
// another option than the optimum's, the one with the least harm that comes to `least`, if any does. REQUIRES: no group
// is empty; the sum of the largest costs is below 2^62.
//
// By Lagrange's relaxation: at the price per cost at which the options that are each best fill the budget, harm + price
// * cost is a bound, and what an option is worse by than its group's best is a charge that any choice with it pays. The
// solution of the relaxation, filled up greedily, is at most the least charges away; what costs more cannot be in an
// optimum and is left out. The rest, a few groups around the price, is searched by dynamic programming over lists of
// undominated choices, cut to the kMaxStates with the least charges. The least charge that was cut is part of `bound`.
std::optional<KnapsackSolution> SolveKnapsack(absl::Span<const KnapsackGroup> groups, uint64_t budget,
                                              uint64_t least = 0);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_FIT_KNAPSACK_H_
