// The hidden states that are routed to an expert: a program's own, or those of all of its peers, brought to the one
// that changes the expert.
#ifndef NIBBLE_RUNTIME_EXPERT_ROWS_H_
#define NIBBLE_RUNTIME_EXPERT_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/peers.h"
#include "runtime/row_store.h"

namespace nibble {

// A token on its way through an expert.
struct Routed {
  int64_t token;
  float weight;
};

// Some rows of a store, one for each of `routed`.
struct ExpertRows {
  const RowStore* rows;
  int64_t first;                      // the row of token 0
  absl::Span<const Routed> routed;    // in rising order of their tokens
  absl::Span<const int64_t> of_text;  // which tokens of the text they are; empty: those of `routed`

  ExpertRows From(size_t begin, size_t count) const {
    return {rows, first, routed.subspan(begin, count), of_text.empty() ? of_text : of_text.subspan(begin, count)};
  }
};

// Of one layer.
class ExpertGather {
 public:
  // `routed`: of each expert, which outlives this; `tokens` are there in all. Collective.
  static absl::StatusOr<ExpertGather> Create(Peers& peers, absl::Span<const std::vector<Routed>> routed,
                                             int64_t tokens);

  // What all have for one expert.
  struct Gathered {
    RowStore rows;
    std::vector<Routed> routed;    // of `rows`
    std::vector<int64_t> of_text;  // tokens of all peers, one after the other

    ExpertRows view() const { return {&rows, 0, routed, of_text}; }
  };
  // Of experts turn, turn + 1, ... each peer in turn gets one: this one's. Row `first` of `states` is token 0. Rows lie
  // under the states' budget. Collective.
  absl::StatusOr<Gathered> Gather(int turn, const RowStore& states, int64_t first);

 private:
  ExpertGather(Peers& peers, absl::Span<const std::vector<Routed>> routed) : peers_(peers), routed_(routed) {}

  int64_t CountOf(int place, size_t expert) const { return expert < routed_.size() ? counts_[place][expert] : 0; }

  Peers& peers_;
  absl::Span<const std::vector<Routed>> routed_;
  std::vector<std::vector<int64_t>> counts_;  // by place and expert: routed tokens
  std::vector<int64_t> before_;               // by place: the tokens of those before it
};

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_EXPERT_ROWS_H_
