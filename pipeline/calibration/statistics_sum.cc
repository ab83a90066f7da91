#include "pipeline/calibration/statistics_sum.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "pipeline/comm/packed_values.h"
#include "pipeline/comm/sum_on_devices.h"

namespace nibble {
namespace {

using Counts = InputStatistics::Counts;

// Of a node, but for its squares.
struct Numbers {
  int64_t tokens, size, outputs;
};

absl::Status AddCounts(Counts& left, Counts right) {
  if (right.size == 0) return absl::OkStatus();
  if (left.size == 0) {
    left = std::move(right);
    return absl::OkStatus();
  }
  left.tokens += right.tokens;
  for (size_t i = 0; i < left.state_squares.size(); ++i) left.state_squares[i] += right.state_squares[i];
  return absl::OkStatus();
}

}  // namespace

StatisticsSum::StatisticsSum(Device& device, InputStatistics::Originals originals)
    : device_(device), originals_(originals), tree_([&device](InputStatistics& left, InputStatistics right) {
        return left.AddSums(device, std::move(right));
      }) {}

absl::StatusOr<InputStatistics> StatisticsSum::OfAll(const LinkedRanks& ranks) {
  if (ranks.comm().size() == 1) return tree_.Finish();
  NIBBLE_ASSIGN_OR_RETURN(const Nodes nodes, GatherNodes(ranks.comm()));
  NIBBLE_ASSIGN_OR_RETURN(InputStatistics sum, InputStatistics::WithRoom(device_, originals_, nodes.total));
  const std::vector<Matrix> sums = sum.matrices();
  for (size_t which = 0; which < sums.size(); ++which) {
    std::vector<Matrix> mine;
    for (const auto& node : tree_.nodes()) {
      if (node.sum.size() > 0) mine.push_back(node.sum.matrices()[which]);
    }
    NIBBLE_RETURN_IF_ERROR(SumOnDevices(ranks, device_, nodes.places, mine, sums[which]));
  }
  return sum;
}

absl::StatusOr<StatisticsSum::Nodes> StatisticsSum::GatherNodes(Comm& comm) {
  std::vector<NodePlace> places;
  std::vector<Numbers> numbers;
  std::vector<double> squares;
  for (const auto& node : tree_.nodes()) {
    const Counts counts = node.sum.counts();
    places.push_back({node.level, node.index, counts.size == 0});
    numbers.push_back({counts.tokens, counts.size, counts.outputs});
    squares.insert(squares.end(), counts.state_squares.begin(), counts.state_squares.end());
  }
  Packer packer;
  packer.Add(places);
  packer.Add(numbers);
  packer.Add(squares);
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm.AllGather(packer.Take()));
  Nodes nodes;
  TreeSum<Counts> total(AddCounts);
  for (const std::string& packed : all) {
    Unpacker unpacker(packed);
    nodes.places.push_back(unpacker.Take<NodePlace>());
    numbers = unpacker.Take<Numbers>();
    squares = unpacker.Take<double>();
    absl::Span<const double> rest = squares;
    for (size_t i = 0; i < numbers.size(); ++i) {
      const size_t count = originals_ == InputStatistics::Originals::kAll ? numbers[i].outputs : 0;
      Counts its{numbers[i].tokens, numbers[i].size, numbers[i].outputs, {rest.begin(), rest.begin() + count}};
      rest.remove_prefix(count);
      const NodePlace& place = nodes.places.back()[i];
      NIBBLE_RETURN_IF_ERROR(total.Add({place.level, place.index, std::move(its)}));
    }
  }
  NIBBLE_ASSIGN_OR_RETURN(nodes.total, total.Finish());
  return nodes;
}

}  // namespace nibble
