#include "pipeline/comm/divide.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

namespace nibble {

std::vector<int> Divide(absl::Span<const uint64_t> costs, int ranks) {
  std::vector<size_t> order(costs.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return costs[a] > costs[b]; });
  using Load = std::pair<uint64_t, int>;  // and whose
  std::priority_queue<Load, std::vector<Load>, std::greater<Load>> least;
  for (int rank = 0; rank < ranks; ++rank) least.push({0, rank});
  std::vector<int> owners(costs.size());
  for (const size_t piece : order) {
    const auto [load, rank] = least.top();
    least.pop();
    owners[piece] = rank;
    least.push({load + costs[piece], rank});
  }
  return owners;
}

}  // namespace nibble
