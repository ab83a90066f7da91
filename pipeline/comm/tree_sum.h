// Sums of a text's blocks in one binary tree, whoever forms which part of it: what floats make of a sum depends on the
// order of its terms, and ranks have stretches of blocks.
//
//   TreeSum<Sum> mine(merge);
//   for (int64_t block = first; block < last; ++block) NIBBLE_RETURN_IF_ERROR(mine.Add({0, block, SumOf(block)}));
//   ... every rank's mine.nodes(), in the order of their blocks, added to another TreeSum ...
//   NIBBLE_ASSIGN_OR_RETURN(Sum sum, all.Finish());  // once all blocks from 0 on are there
//
// Of b blocks there are at most log2(b) + 1 nodes at a time where a stretch begins at block 0, twice that elsewhere.
#ifndef NIBBLE_PIPELINE_COMM_TREE_SUM_H_
#define NIBBLE_PIPELINE_COMM_TREE_SUM_H_

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/status.h"

namespace nibble {

// `Sum` is movable.
template <typename Sum>
class TreeSum {
 public:
  // Blocks [index * 2^level, (index + 1) * 2^level), as far as there are that many.
  struct Node {
    int level = 0;
    int64_t index = 0;
    Sum sum;
  };
  // left += right.
  using Merge = std::function<absl::Status(Sum& left, Sum right)>;

  explicit TreeSum(Merge merge) : merge_(std::move(merge)) {}

  // REQUIRES: it begins where the one before it ends.
  absl::Status Add(Node node) {
    nodes_.push_back(std::move(node));
    return MergeSiblings();
  }

  // What is not part of a larger sum yet, in the order of the blocks.
  std::vector<Node>& nodes() { return nodes_; }

  // The sum of all. REQUIRES: the blocks begin at 0, and there is one at least; called once.
  absl::StatusOr<Sum> Finish() {
    while (nodes_.size() > 1) {  // the last ones have no right sibling: they are their parent
      nodes_.back().level += 1;
      nodes_.back().index /= 2;
      NIBBLE_RETURN_IF_ERROR(MergeSiblings());
    }
    return std::move(nodes_.front().sum);
  }

 private:
  absl::Status MergeSiblings() {
    while (nodes_.size() > 1) {
      Node &left = nodes_[nodes_.size() - 2], &right = nodes_.back();
      if (right.index % 2 == 0 || left.level != right.level || left.index != right.index - 1) break;
      NIBBLE_RETURN_IF_ERROR(merge_(left.sum, std::move(right.sum)));
      nodes_.pop_back();
      nodes_.back().level += 1;
      nodes_.back().index /= 2;
    }
    return absl::OkStatus();
  }

  Merge merge_;
  std::vector<Node> nodes_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_TREE_SUM_H_
