#include "pipeline/calibration/square_sums.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "base/status.h"
#include "device/in_stage.h"
#include "pipeline/comm/packed_values.h"
#include "pipeline/device_use.h"

namespace nibble {

bool SquareSums::Gathers(TensorStack stack) {
  if (stack.empty()) return false;
  const RoleInfo& role = GetRole(stack[0].role);
  // Routers stay as they are, but llama-imatrix lists them.
  const bool is_wanted = role.is_linear || stack[0].role == Role::kRouter;
  // Slices of heads are columns of something else than what the runtime multiplies them with.
  return is_wanted && (stack[0].slice < 0 || role.is_expert);
}

ObservedInputs SquareSums::Between(int first, int last) const {
  ObservedInputs inputs;
  for (const auto& [key, sums] : sums_) {
    if (key.second < first || key.second >= last) continue;
    LinearInputs& linear = *inputs.add_linears();
    linear.set_role(static_cast<int>(key.first));
    linear.set_layer(key.second);
    linear.mutable_squares()->Assign(sums.squares.begin(), sums.squares.end());
    linear.mutable_counts()->Assign(sums.counts.begin(), sums.counts.end());
  }
  return inputs;
}

void SquareSums::Take(const ObservedInputs& inputs) {
  for (const LinearInputs& linear : inputs.linears()) {
    InputSums& sums = sums_[{static_cast<Role>(linear.role()), linear.layer()}];
    sums.squares.assign(linear.squares().begin(), linear.squares().end());
    sums.counts.assign(linear.counts().begin(), linear.counts().end());
  }
}

const InputSums* SquareSums::Find(Role role, int layer) const {
  const auto found = sums_.find({role, layer});
  return found == sums_.end() ? nullptr : &found->second;
}

void SquareSums::See(Role role, int slice, ConstMatrix x) {
  const TensorStack stack = model_.tensors.Find(role, layer_);
  if (!Gathers(stack)) return;
  const InStage in_statistics(device_, kStatisticsStage);
  std::vector<Running>& slices = running_[role];
  while (slices.size() < stack.size()) slices.emplace_back(FirstBlock());
  Running& running = slices[std::max(slice, 0)];
  const int64_t first_token = blocks_.FirstTokenOf(comm_.rank(), comm_.size());
  // But for experts, tokens come one after the other.
  const auto block_of = [&](int64_t row) {
    return (first_token + (slice < 0 ? running.count + row : routed_[row])) / blocks_.tokens_of_block();
  };
  for (int64_t first = 0, last; first < x.rows; first = last) {
    for (last = first + 1; last < x.rows && block_of(last) == block_of(first); ++last) {
    }
    status_.Update(PassTo(block_of(first), running));
    running.squares.resize(x.cols);
    device_.operations().add_squares(device_, x.Rows(first, last), absl::MakeSpan(running.squares));
  }
  running.count += x.rows;
}

absl::Status SquareSums::PassTo(int64_t block, Running& running) const {
  for (; running.next_block < block; ++running.next_block) {
    NIBBLE_RETURN_IF_ERROR(running.tree.Add({0, running.next_block, std::move(running.squares)}));
    running.squares = {};
  }
  return absl::OkStatus();
}

absl::Status SquareSums::End() {
  NIBBLE_RETURN_IF_ERROR(status_);
  for (const RoleInfo& role : Roles()) {
    const TensorStack stack = model_.tensors.Find(role.id, layer_);
    if (!Gathers(stack)) continue;
    NIBBLE_ASSIGN_OR_RETURN(InputSums sums, SumOf(stack));
    const bool is_seen = std::any_of(sums.counts.begin(), sums.counts.end(), [](int64_t count) { return count > 0; });
    if (is_seen) sums_[{role.id, layer_}] = std::move(sums);
  }
  running_.clear();
  return absl::OkStatus();
}

absl::StatusOr<InputSums> SquareSums::SumOf(TensorStack stack) {
  std::vector<Running>& own = running_[stack[0].role];
  while (own.size() < stack.size()) own.emplace_back(FirstBlock());
  std::vector<Running*> slices;
  std::vector<int64_t> counts;
  for (Running& slice : own) {
    NIBBLE_RETURN_IF_ERROR(PassTo(EndOfBlocks(), slice));
    slices.push_back(&slice);
    counts.push_back(slice.count);
  }
  // All slices have the same nodes.
  std::vector<NodePlace> nodes;
  for (const auto& node : own[0].tree.nodes()) nodes.push_back({node.level, node.index});
  for (size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].is_empty =
        std::all_of(own.begin(), own.end(), [&](Running& slice) { return slice.tree.nodes()[i].sum.empty(); });
  }
  Packer packer;
  packer.Add(nodes);
  packer.Add(counts);
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm_.AllGather(packer.Take()));
  InputSums sums{.squares = {}, .counts = std::vector<int64_t>(stack.size())};
  std::vector<RankNodes> nodes_of_all;
  for (const std::string& packed : all) {
    Unpacker unpacker(packed);
    nodes_of_all.push_back({unpacker.Take<NodePlace>(), {0, static_cast<int64_t>(stack.size()) * stack[0].cols}});
    counts = unpacker.Take<int64_t>();
    for (size_t i = 0; i < counts.size(); ++i) sums.counts[i] += counts[i];
  }
  NIBBLE_ASSIGN_OR_RETURN(sums.squares, SumOf(stack, slices, nodes_of_all));
  return sums;
}

absl::StatusOr<std::vector<double>> SquareSums::SumOf(TensorStack stack, const std::vector<Running*>& slices,
                                                      absl::Span<const RankNodes> nodes) const {
  const int64_t cols = stack[0].cols;
  if (comm_.size() == 1) {
    std::vector<double> sums;
    for (Running* slice : slices) {
      NIBBLE_ASSIGN_OR_RETURN(std::vector<double> sum, slice->tree.Finish());
      sum.resize(cols);
      sums.insert(sums.end(), sum.begin(), sum.end());
    }
    return sums;
  }
  std::vector<size_t> mine;  // the nodes that are not empty
  const std::vector<NodePlace>& own = nodes[comm_.rank()].nodes;
  for (size_t i = 0; i < own.size(); ++i) {
    if (!own[i].is_empty) mine.push_back(i);
  }
  const auto read = [&](size_t node, absl::Span<double> out) {
    for (size_t i = 0; i < slices.size(); ++i) {
      // Squares are not negative: with zeros for a slice that has no token there, sums are what they are without.
      std::vector<double> squares = slices[i]->tree.nodes()[mine[node]].sum;
      squares.resize(cols);
      std::copy(squares.begin(), squares.end(), out.begin() + i * cols);
    }
    return absl::OkStatus();
  };
  NIBBLE_ASSIGN_OR_RETURN(std::vector<double> sums,
                          SumOverRanks<double>(comm_, nodes, static_cast<int64_t>(stack.size()) * cols, read));
  return sums;
}

}  // namespace nibble
