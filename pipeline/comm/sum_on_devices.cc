#include "pipeline/comm/sum_on_devices.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "base/status.h"
#include "pipeline/comm/tree_sum.h"

namespace nibble {
namespace {

// A node, and where this rank has its stretch of it, if it does.
struct HeldNode {
  NodePlace place;
  float* data = nullptr;
};

// What becomes of the nodes of a group where it adds up what it can; all of the tree, if it is the only group.
class GroupTree {
 public:
  // left += right, of this many floats; null: nobody has them here.
  GroupTree(Device* device, int64_t floats)
      : tree_([device, floats](HeldNode& left, HeldNode right) {
          if (left.place.is_empty) {
            left = std::move(right);
          } else if (device != nullptr && !right.place.is_empty) {
            device->operations().add(*device, Matrix{right.data, 1, floats}, Matrix{left.data, 1, floats});
          }
          return absl::OkStatus();
        }) {}

  // REQUIRES: in the order of the blocks.
  absl::Status Add(const HeldNode& node) { return tree_.Add({node.place.level, node.place.index, node}); }

  absl::StatusOr<std::vector<HeldNode>> Nodes(bool is_all) {
    std::vector<HeldNode> nodes;
    if (is_all) {
      NIBBLE_ASSIGN_OR_RETURN(HeldNode sum, tree_.Finish());
      return std::vector<HeldNode>{sum};
    }
    for (const auto& node : tree_.nodes()) {
      nodes.push_back({{node.level, node.index, node.sum.place.is_empty}, node.sum.data});
    }
    return nodes;
  }

 private:
  TreeSum<HeldNode> tree_;
};

// A node of a group, and which rank has it.
struct Owned {
  NodePlace place;
  int rank = 0;
};

// In the order of the blocks, as the ranks are.
std::vector<Owned> NodesOf(const std::vector<int>& group, absl::Span<const std::vector<NodePlace>> nodes) {
  std::vector<Owned> all;
  for (const int rank : group) {
    for (const NodePlace& place : nodes[rank]) all.push_back({place, rank});
  }
  return all;
}

class Summation {
 public:
  Summation(const LinkedRanks& ranks, Device& device, absl::Span<const std::vector<NodePlace>> nodes, Matrix sum)
      : ranks_(ranks),
        device_(device),
        nodes_(nodes),
        sum_(sum),
        rank_(ranks.comm().rank()),
        group_(ranks.GroupOf(rank_)),
        is_only_group_(ranks.groups().size() == 1) {}

  absl::Status Run(absl::Span<const Matrix> mine) {
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<HeldNode> held, ranks_.is_linked() ? SumInGroup(mine) : Own(mine));
    if (!is_only_group_) NIBBLE_RETURN_IF_ERROR(SumOfGroups(held));
    if (ranks_.is_linked()) NIBBLE_RETURN_IF_ERROR(Gather());
    return device_.Download(nullptr, {});  // before what was added is gone
  }

 private:
  int64_t size() const { return sum_.rows * sum_.cols; }
  // That a rank adds up for its group.
  Stretch StretchOf(int rank) const {
    return Stretch{0, size()}.Part(ranks_.PlaceOf(rank), ranks_.GroupOf(rank).size());
  }

  std::vector<HeldNode> Own(absl::Span<const Matrix> mine) const {
    std::vector<HeldNode> held;
    size_t next = 0;
    for (const NodePlace& place : nodes_[rank_]) held.push_back({place, place.is_empty ? nullptr : mine[next++].data});
    return held;
  }

  // Each rank of the group gets its stretch of all their nodes, its own among them, the first one where the sum is to
  // be.
  absl::StatusOr<std::vector<HeldNode>> SumInGroup(absl::Span<const Matrix> mine) {
    const Stretch stretch = StretchOf(rank_);
    const std::vector<Owned> owned = NodesOf(group_, nodes_);
    const int64_t received =
        std::count_if(owned.begin(), owned.end(), [](const Owned& o) { return !o.place.is_empty; });
    NIBBLE_ASSIGN_OR_RETURN(others_, device_.Allocate(std::max<int64_t>(received - 1, 0) * stretch.size()));
    std::vector<LinkPiece> out, in;
    for (const Matrix& matrix : mine) {
      for (const int rank : group_) {
        const Stretch its = StretchOf(rank);
        out.push_back({.peer = ranks_.PlaceOf(rank), .data = matrix.data + its.begin, .size = its.size()});
      }
    }
    GroupTree tree(&device_, stretch.size());
    std::vector<HeldNode> held;
    for (const Owned& node : owned) {
      HeldNode& its = held.emplace_back(HeldNode{node.place});
      if (node.place.is_empty) continue;
      its.data = in.empty() ? sum_.data + stretch.begin
                            : others_.data() + static_cast<int64_t>(in.size() - 1) * stretch.size();
      in.push_back({.peer = ranks_.PlaceOf(node.rank), .data = its.data, .size = stretch.size()});
    }
    NIBBLE_RETURN_IF_ERROR(ranks_.Exchange(out, in));
    for (const HeldNode& node : held) NIBBLE_RETURN_IF_ERROR(tree.Add(node));
    return tree.Nodes(is_only_group_);
  }

  // `held` are this rank's stretch of its group's nodes.
  absl::Status SumOfGroups(absl::Span<const HeldNode> held) {
    std::vector<RankNodes> all;
    for (int rank = 0; rank < static_cast<int>(nodes_.size()); ++rank) {
      NIBBLE_ASSIGN_OR_RETURN(std::vector<NodePlace> places, PlacesOf(ranks_.GroupOf(rank)));
      all.push_back({std::move(places), StretchOf(rank)});
    }
    std::vector<const float*> data;
    for (const HeldNode& node : held) {
      if (!node.place.is_empty) data.push_back(node.data);
    }
    // Of a rank by itself, what it has are whole matrices.
    const auto read = [&](size_t node, absl::Span<float> out) { return device_.Download(data[node], out); };
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> values, SumOverRanks<float>(ranks_.comm(), all, size(), read));
    device_.Upload(values, sum_.data + StretchOf(rank_).begin);
    return absl::OkStatus();
  }

  // The nodes that a group has when it has added up what it can.
  absl::StatusOr<std::vector<NodePlace>> PlacesOf(const std::vector<int>& group) const {
    if (group.size() == 1) return nodes_[group[0]];
    GroupTree tree(nullptr, 0);
    for (const Owned& node : NodesOf(group, nodes_)) NIBBLE_RETURN_IF_ERROR(tree.Add({node.place}));
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<HeldNode> nodes, tree.Nodes(false));
    std::vector<NodePlace> places;
    for (const HeldNode& node : nodes) places.push_back(node.place);
    return places;
  }

  // Each rank of the group has its stretch of the sum; all get all.
  absl::Status Gather() const {
    std::vector<LinkPiece> out, in;
    const Stretch mine = StretchOf(rank_);
    for (const int rank : group_) {
      if (rank == rank_) continue;
      const Stretch its = StretchOf(rank);
      const int peer = ranks_.PlaceOf(rank);
      out.push_back({.peer = peer, .data = sum_.data + mine.begin, .size = mine.size()});
      in.push_back({.peer = peer, .data = sum_.data + its.begin, .size = its.size()});
    }
    return ranks_.Exchange(out, in);
  }

  const LinkedRanks& ranks_;
  Device& device_;
  const absl::Span<const std::vector<NodePlace>> nodes_;
  const Matrix sum_;
  const int rank_;
  const std::vector<int>& group_;
  const bool is_only_group_;
  Buffer others_;
};

}  // namespace

absl::Status SumOnDevices(const LinkedRanks& ranks, Device& device, absl::Span<const std::vector<NodePlace>> nodes,
                          absl::Span<const Matrix> mine, Matrix sum) {
  return Summation(ranks, device, nodes, sum).Run(mine);
}

}  // namespace nibble
