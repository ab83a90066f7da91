// Sums of a text's blocks (tree_sum.h), of which ranks have some nodes each.
#ifndef NIBBLE_PIPELINE_COMM_SUM_OVER_RANKS_H_
#define NIBBLE_PIPELINE_COMM_SUM_OVER_RANKS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "pipeline/comm/comm.h"
#include "pipeline/comm/tree_sum.h"

namespace nibble {

// A node of the tree, wherever it is. One that is empty counts as nothing: not even as zeros.
struct NodePlace {
  int level = 0;
  int64_t index = 0;
  bool is_empty = false;

  int64_t first_block() const { return index << level; }
};

// Elements [begin, end).
struct Stretch {
  int64_t begin = 0, end = 0;

  int64_t size() const { return end - begin; }
  // The `part`-th of `parts`, about equally long.
  Stretch Part(int part, int parts) const {
    return {begin + size() * part / parts, begin + size() * (part + 1) / parts};
  }
  Stretch And(const Stretch& other) const {
    const int64_t first = std::max(begin, other.begin);
    return {first, std::max(first, std::min(end, other.end))};
  }
};

// What a rank has: nodes, and of each a stretch of its elements.
struct RankNodes {
  std::vector<NodePlace> nodes;
  Stretch stretch;
};

// left += right, for TreeSum; an empty one counts as nothing.
template <typename T>
absl::Status AddElements(std::vector<T>& left, std::vector<T> right) {
  if (left.empty()) std::swap(left, right);
  for (size_t i = 0; i < right.size(); ++i) left[i] += right[i];
  return absl::OkStatus();
}

// The sum of all nodes, of `size` elements each: of those elements that this rank has of its own nodes. `ranks` are all
// ranks', and `read` reads the stretch of those of this one's nodes that are not empty, by their number among these.
// Each rank adds up a slab of the elements. Collective.
// REQUIRES: of each element, the nodes that there are of it are all of the tree.
template <typename T>
absl::StatusOr<std::vector<T>> SumOverRanks(Comm& comm, absl::Span<const RankNodes> ranks, int64_t size,
                                            absl::FunctionRef<absl::Status(size_t node, absl::Span<T> out)> read) {
  const Stretch all{0, size}, mine = ranks[comm.rank()].stretch;
  const auto slab_of = [&](int rank) { return all.Part(rank, comm.size()); };
  std::vector<std::string> messages(comm.size());
  std::vector<T> values(mine.size());
  size_t read_nodes = 0;
  for (const NodePlace& node : ranks[comm.rank()].nodes) {
    if (node.is_empty) continue;
    NIBBLE_RETURN_IF_ERROR(read(read_nodes++, absl::MakeSpan(values)));
    for (int rank = 0; rank < comm.size(); ++rank) {
      const Stretch its = slab_of(rank).And(mine);
      messages[rank].append(reinterpret_cast<const char*>(values.data() + (its.begin - mine.begin)),
                            its.size() * sizeof(T));
    }
  }
  const std::vector<absl::Span<const char>> parts(messages.begin(), messages.end());
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> received, comm.AllToAll(parts));
  messages.clear();

  // What each rank has of a node, in the order of the blocks.
  struct Piece {
    const NodePlace* node;
    int rank;
    size_t offset;  // in what was received from it
  };
  const Stretch slab = slab_of(comm.rank());
  std::vector<Piece> pieces;
  for (int rank = 0; rank < comm.size(); ++rank) {
    size_t offset = 0;
    for (const NodePlace& node : ranks[rank].nodes) {
      pieces.push_back({&node, rank, offset});
      if (!node.is_empty) offset += slab.And(ranks[rank].stretch).size() * sizeof(T);
    }
    if (received[rank].size() != offset) return absl::InternalError("a bug of nibble: parts of a sum");
  }
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& left, const Piece& right) {
    return left.node->first_block() < right.node->first_block();
  });
  TreeSum<std::vector<T>> sum(AddElements<T>);
  for (size_t i = 0; i < pieces.size();) {
    const NodePlace& node = *pieces[i].node;
    std::vector<T> its(node.is_empty ? 0 : slab.size());
    for (; i < pieces.size() && pieces[i].node->first_block() == node.first_block(); ++i) {
      const Stretch part = slab.And(ranks[pieces[i].rank].stretch);
      if (node.is_empty || part.size() == 0) continue;
      std::memcpy(its.data() + (part.begin - slab.begin), received[pieces[i].rank].data() + pieces[i].offset,
                  part.size() * sizeof(T));
    }
    NIBBLE_RETURN_IF_ERROR(sum.Add({node.level, node.index, std::move(its)}));
  }
  NIBBLE_ASSIGN_OR_RETURN(std::vector<T> slab_sum, sum.Finish());
  slab_sum.resize(slab.size());

  std::vector<absl::Span<const char>> slabs;
  for (int rank = 0; rank < comm.size(); ++rank) {
    const Stretch its = slab.And(ranks[rank].stretch);
    slabs.emplace_back(reinterpret_cast<const char*>(slab_sum.data() + (its.begin - slab.begin)),
                       its.size() * sizeof(T));
  }
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> sums, comm.AllToAll(slabs));
  for (int rank = 0; rank < comm.size(); ++rank) {
    const Stretch its = slab_of(rank).And(mine);
    if (sums[rank].size() != its.size() * sizeof(T)) return absl::InternalError("a bug of nibble: the size of a sum");
    if (its.size() > 0) std::memcpy(values.data() + (its.begin - mine.begin), sums[rank].data(), sums[rank].size());
  }
  return values;
}

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_SUM_OVER_RANKS_H_
