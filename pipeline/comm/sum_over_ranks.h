// Sums of a text's blocks (tree_sum.h), of which ranks have some nodes each.
#ifndef NIBBLE_PIPELINE_COMM_SUM_OVER_RANKS_H_
#define NIBBLE_PIPELINE_COMM_SUM_OVER_RANKS_H_

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
};

// left += right, for TreeSum; an empty one counts as nothing.
template <typename T>
absl::Status AddElements(std::vector<T>& left, std::vector<T> right) {
  if (left.empty()) std::swap(left, right);
  for (size_t i = 0; i < right.size(); ++i) left[i] += right[i];
  return absl::OkStatus();
}

// The sum of all nodes, of `size` elements each, on all ranks: `nodes` are all ranks', by rank, and `read` reads those
// of this one's that are not empty, by their number among these. Each rank adds up a slab of the elements. Collective.
// REQUIRES: the nodes are all of the tree.
template <typename T>
absl::StatusOr<std::vector<T>> SumOverRanks(Comm& comm, absl::Span<const std::vector<NodePlace>> nodes, int64_t size,
                                            absl::FunctionRef<absl::Status(size_t node, absl::Span<T> out)> read) {
  const int ranks = comm.size();
  const auto begin = [&](int rank) { return size * rank / ranks; };
  std::vector<std::string> messages(ranks);
  std::vector<T> values(size);
  size_t read_nodes = 0;
  for (const NodePlace& node : nodes[comm.rank()]) {
    if (node.is_empty) continue;
    NIBBLE_RETURN_IF_ERROR(read(read_nodes++, absl::MakeSpan(values)));
    for (int rank = 0; rank < ranks; ++rank) {
      messages[rank].append(reinterpret_cast<const char*>(values.data() + begin(rank)),
                            (begin(rank + 1) - begin(rank)) * sizeof(T));
    }
  }
  const std::vector<absl::Span<const char>> parts(messages.begin(), messages.end());
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> received, comm.AllToAll(parts));
  messages.clear();
  TreeSum<std::vector<T>> sum(AddElements<T>);
  const size_t slab_bytes = (begin(comm.rank() + 1) - begin(comm.rank())) * sizeof(T);
  for (int rank = 0; rank < ranks; ++rank) {
    size_t offset = 0;
    for (const NodePlace& node : nodes[rank]) {
      std::vector<T> its(node.is_empty ? 0 : slab_bytes / sizeof(T));
      if (!its.empty()) {
        if (received[rank].size() - offset < slab_bytes) return absl::InternalError("a bug of nibble: a part of a sum");
        std::memcpy(its.data(), received[rank].data() + offset, slab_bytes);
        offset += slab_bytes;
      }
      NIBBLE_RETURN_IF_ERROR(sum.Add({node.level, node.index, std::move(its)}));
    }
  }
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<T> slab, sum.Finish());
  const std::string mine(reinterpret_cast<const char*>(slab.data()), slab.size() * sizeof(T));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> slabs, comm.AllGather(mine));
  size_t offset = 0;
  for (const std::string& bytes : slabs) {
    if (values.size() * sizeof(T) - offset < bytes.size())
      return absl::InternalError("a bug of nibble: too long a sum");
    if (!bytes.empty()) std::memcpy(reinterpret_cast<char*>(values.data()) + offset, bytes.data(), bytes.size());
    offset += bytes.size();
  }
  return values;
}

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_SUM_OVER_RANKS_H_
