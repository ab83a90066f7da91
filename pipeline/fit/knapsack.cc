#include "pipeline/fit/knapsack.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

namespace nibble {
namespace {

constexpr size_t kMaxStates = 1 << 14;
constexpr size_t kMaxMoves = 1 << 22;  // of all states ever made: 48 MiB
constexpr double kNever = std::numeric_limits<double>::infinity();

// The options that are best at some price per cost, by rising cost; harm falls, by less and less per cost.
std::vector<size_t> LowerHull(const KnapsackGroup& group) {
  std::vector<size_t> order(group.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tuple(group[a].cost, group[a].harm, a) < std::tuple(group[b].cost, group[b].harm, b);
  });
  const auto gain = [&](size_t from, size_t to) {
    return (group[from].harm - group[to].harm) / static_cast<double>(group[to].cost - group[from].cost);
  };
  std::vector<size_t> hull;
  for (const size_t next : order) {
    if (!hull.empty() && group[next].harm >= group[hull.back()].harm) continue;
    while (hull.size() > 1 && gain(hull[hull.size() - 2], hull.back()) <= gain(hull.back(), next)) hull.pop_back();
    hull.push_back(next);
  }
  return hull;
}

// From one option of a group's hull to the next.
struct Step {
  uint32_t group;
  uint32_t place;  // in the hull, of the option that it leads from
  uint64_t cost;
  double gain;  // of harm
  double rate;  // gain per cost
};

// A group whose options differ from its best by less than the gap that is left.
struct CoreGroup {
  size_t group;
  struct Move {
    size_t option;
    int64_t cost;   // beyond the best option's
    double charge;  // harm + price * cost beyond the best option's
  };
  std::vector<Move> moves;  // by rising charge
};

class Solver {
 public:
  Solver(absl::Span<const KnapsackGroup> groups, uint64_t budget) : groups_(groups), budget_(budget) {}

  std::optional<KnapsackSolution> Solve() {
    for (const KnapsackGroup& group : groups_) hulls_.push_back(LowerHull(group));
    std::vector<size_t> places(groups_.size(), 0);
    uint64_t cost = CostAt(places);
    if (cost > budget_) return std::nullopt;
    const std::vector<Step> steps = Steps();
    size_t next = 0;
    for (; next < steps.size() && steps[next].cost <= budget_ - cost; ++next) {
      places[steps[next].group] = steps[next].place + 1;
      cost += steps[next].cost;
    }
    best_ = OptionsAt(places);
    if (next == steps.size()) return Solution(best_, HarmOf(best_));
    price_ = steps[next].rate;
    slack_ = budget_ - cost;
    bound_ = HarmOf(best_) - price_ * slack_;
    // What still fits, by the same rates.
    uint64_t left = slack_;
    for (; next < steps.size(); ++next) {
      const Step& step = steps[next];
      if (step.cost > left || places[step.group] != step.place) continue;
      ++places[step.group];
      left -= step.cost;
    }
    solution_ = OptionsAt(places);
    gap_ = std::max(0.0, HarmOf(solution_) - bound_);
    const double cut = SearchCore();
    return Solution(solution_, bound_ + std::min(cut, gap_));
  }

 private:
  // A choice that differs from the best options in some groups of the core.
  struct State {
    int64_t cost;   // beyond theirs
    double charge;  // the sum of its moves'
    int64_t last;   // its last move, in moves_; -1: none
  };
  struct Made {
    int32_t before;  // in made_; -1: none
    uint32_t group;
    uint32_t option;
  };

  uint64_t CostAt(const std::vector<size_t>& places) const {
    uint64_t cost = 0;
    for (size_t g = 0; g < groups_.size(); ++g) cost += groups_[g][hulls_[g][places[g]]].cost;
    return cost;
  }

  std::vector<size_t> OptionsAt(const std::vector<size_t>& places) const {
    std::vector<size_t> options;
    for (size_t g = 0; g < groups_.size(); ++g) options.push_back(hulls_[g][places[g]]);
    return options;
  }

  double HarmOf(const std::vector<size_t>& options) const {
    double harm = 0;
    for (size_t g = 0; g < groups_.size(); ++g) harm += groups_[g][options[g]].harm;
    return harm;
  }

  KnapsackSolution Solution(const std::vector<size_t>& options, double bound) const {
    KnapsackSolution solution{.chosen = options, .harm = HarmOf(options)};
    for (size_t g = 0; g < groups_.size(); ++g) solution.cost += groups_[g][options[g]].cost;
    solution.bound = std::min(bound, solution.harm);
    return solution;
  }

  std::vector<Step> Steps() const {
    std::vector<Step> steps;
    for (uint32_t g = 0; g < groups_.size(); ++g) {
      for (uint32_t place = 0; place + 1 < hulls_[g].size(); ++place) {
        const KnapsackOption &from = groups_[g][hulls_[g][place]], &to = groups_[g][hulls_[g][place + 1]];
        const uint64_t cost = to.cost - from.cost;
        steps.push_back({g, place, cost, from.harm - to.harm, (from.harm - to.harm) / static_cast<double>(cost)});
      }
    }
    std::sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) {
      return std::tuple(-a.rate, a.group, a.place) < std::tuple(-b.rate, b.group, b.place);
    });
    return steps;
  }

  // By rising least charge.
  std::vector<CoreGroup> Core() const {
    std::vector<CoreGroup> core;
    for (size_t g = 0; g < groups_.size(); ++g) {
      CoreGroup group{g, {}};
      const KnapsackOption& best = groups_[g][best_[g]];
      for (size_t i = 0; i < groups_[g].size(); ++i) {
        if (i == best_[g]) continue;
        const int64_t cost = static_cast<int64_t>(groups_[g][i].cost) - static_cast<int64_t>(best.cost);
        const double charge = std::max(0.0, groups_[g][i].harm - best.harm + price_ * static_cast<double>(cost));
        if (charge <= gap_) group.moves.push_back({i, cost, charge});
      }
      if (group.moves.empty()) continue;
      std::stable_sort(group.moves.begin(), group.moves.end(),
                       [](const auto& a, const auto& b) { return a.charge < b.charge; });
      core.push_back(std::move(group));
    }
    std::stable_sort(core.begin(), core.end(),
                     [](const CoreGroup& a, const CoreGroup& b) { return a.moves[0].charge < b.moves[0].charge; });
    return core;
  }

  // Betters solution_ and gap_; the least charge that was not followed.
  double SearchCore() {
    const std::vector<CoreGroup> core = Core();
    std::vector<State> states = {{0, 0, -1}};
    double cut = kNever;
    for (const CoreGroup& group : core) {
      if (group.moves[0].charge > gap_) break;
      if (made_.size() > kMaxMoves - group.moves.size() * states.size()) return std::min(cut, group.moves[0].charge);
      states = Undominated(WithMovesOf(group, states));
      cut = std::min(cut, CutToMaxStates(states));
    }
    return cut;
  }

  std::vector<State> WithMovesOf(const CoreGroup& group, const std::vector<State>& states) {
    std::vector<State> all;
    for (const State& state : states) {
      if (state.charge <= gap_) all.push_back(state);
    }
    for (const CoreGroup::Move& move : group.moves) {
      for (const State& state : states) {
        const double charge = state.charge + move.charge;
        if (charge > gap_) continue;
        made_.push_back(
            {static_cast<int32_t>(state.last), static_cast<uint32_t>(group.group), static_cast<uint32_t>(move.option)});
        all.push_back({state.cost + move.cost, charge, static_cast<int64_t>(made_.size()) - 1});
        Consider(all.back());
      }
    }
    return all;
  }

  // A state is a choice as it stands, with what is left of the budget lost at its price.
  void Consider(const State& state) {
    const int64_t left = static_cast<int64_t>(slack_) - state.cost;
    if (left < 0) return;
    const double gap = state.charge + price_ * static_cast<double>(left);
    if (gap >= gap_) return;
    gap_ = gap;
    solution_ = best_;
    for (int64_t i = state.last; i >= 0; i = made_[i].before) solution_[made_[i].group] = made_[i].option;
  }

  // Those that no other is at most as costly and as harmful as.
  std::vector<State> Undominated(std::vector<State> states) const {
    const auto harm = [&](const State& state) { return state.charge - price_ * static_cast<double>(state.cost); };
    std::stable_sort(states.begin(), states.end(), [&](const State& a, const State& b) {
      return std::pair(a.cost, a.charge) < std::pair(b.cost, b.charge);
    });
    std::vector<State> kept;
    double least = kNever;
    for (const State& state : states) {
      if (harm(state) >= least) continue;
      least = harm(state);
      kept.push_back(state);
    }
    return kept;
  }

  // The least charge that went; kNever: none did.
  double CutToMaxStates(std::vector<State>& states) const {
    if (states.size() <= kMaxStates) return kNever;
    const auto first = states.begin() + kMaxStates;
    std::nth_element(states.begin(), first, states.end(), [](const State& a, const State& b) {
      return std::pair(a.charge, a.cost) < std::pair(b.charge, b.cost);
    });
    const double cut = first->charge;
    states.resize(kMaxStates);
    return cut;
  }

  const absl::Span<const KnapsackGroup> groups_;
  const uint64_t budget_;
  std::vector<std::vector<size_t>> hulls_;
  std::vector<size_t> best_;  // at the price
  double price_ = 0;
  uint64_t slack_ = 0;  // of the budget, beside the best options
  double bound_ = 0;    // of the relaxation
  std::vector<size_t> solution_;
  double gap_ = 0;  // the solution's harm beyond bound_
  std::vector<Made> made_;
};

constexpr size_t kHeldGroups = 32;

uint64_t CostSpan(const KnapsackGroup& group) {
  const auto [least, most] = std::minmax_element(
      group.begin(), group.end(), [](const KnapsackOption& a, const KnapsackOption& b) { return a.cost < b.cost; });
  return most->cost - least->cost;
}

// By falling span of their costs.
std::vector<size_t> CostliestGroups(absl::Span<const KnapsackGroup> groups) {
  std::vector<size_t> order(groups.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return CostSpan(groups[a]) > CostSpan(groups[b]); });
  order.resize(std::min(order.size(), kHeldGroups));
  return order;
}

// The best that costs `least` with one group held at each of its options in turn.
std::optional<KnapsackSolution> SolveHolding(absl::Span<const KnapsackGroup> groups, uint64_t budget, uint64_t least) {
  std::optional<KnapsackSolution> best;
  std::vector<KnapsackGroup> held(groups.begin(), groups.end());
  for (const size_t group : CostliestGroups(groups)) {
    for (size_t option = 0; option < groups[group].size(); ++option) {
      held[group] = {groups[group][option]};
      std::optional<KnapsackSolution> solution = Solver(held, budget).Solve();
      if (!solution || solution->cost < least || (best && best->harm <= solution->harm)) continue;
      solution->chosen[group] = option;
      best = std::move(solution);
    }
    held[group] = groups[group];
  }
  return best;
}

}  // namespace

std::optional<KnapsackSolution> SolveKnapsack(absl::Span<const KnapsackGroup> groups, uint64_t budget, uint64_t least) {
  std::optional<KnapsackSolution> solution = Solver(groups, budget).Solve();
  if (!solution || solution->cost >= least) return solution;
  std::optional<KnapsackSolution> fuller = SolveHolding(groups, budget, least);
  if (!fuller) return solution;
  fuller->bound = solution->bound;
  return fuller;
}

}  // namespace nibble
