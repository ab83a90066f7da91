// What linears see of a text, summed over its blocks, and over the ranks that have them.
#ifndef NIBBLE_PIPELINE_CALIBRATION_STATISTICS_SUM_H_
#define NIBBLE_PIPELINE_CALIBRATION_STATISTICS_SUM_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "device/device.h"
#include "pipeline/calibration/window_blocks.h"
#include "pipeline/comm/comm.h"
#include "pipeline/comm/linked_ranks.h"
#include "pipeline/comm/sum_over_ranks.h"
#include "pipeline/comm/tree_sum.h"
#include "quant/gptq/input_statistics.h"

namespace nibble {

class StatisticsSum {
 public:
  // `device` outlives it.
  StatisticsSum(Device& device, InputStatistics::Originals originals);

  // REQUIRES: blocks come one after the other.
  absl::Status Add(int64_t block, InputStatistics statistics) { return tree_.Add({0, block, std::move(statistics)}); }

  // The same bits on all ranks, however many there are, and whether or not their devices are linked; without tokens if
  // there are none. Ranks have blocks in the order of their numbers, and one of them has block 0. Collective;
  // REQUIRES: called once.
  absl::StatusOr<InputStatistics> OfAll(const LinkedRanks& ranks);

 private:
  // Of all ranks.
  struct Nodes {
    std::vector<std::vector<NodePlace>> places;  // by rank
    InputStatistics::Counts total;
  };
  absl::StatusOr<Nodes> GatherNodes(Comm& comm);

  Device& device_;
  const InputStatistics::Originals originals_;
  TreeSum<InputStatistics> tree_;
};

// Nodes that are there at most while blocks are summed, the one that is begun among them; and, of several ranks, copies
// of each matrix that are on their way at the end: of a node, in messages with all of a rank's and from all, and slabs.
inline constexpr int64_t kNodesAlone = 5, kNodesOfRanks = 7, kCopiesOnTheirWay = 18;
static_assert(WindowBlocks::kMost == 16,
              "log2 + 1; of a stretch in the middle, of at most half of them, twice log2 + 1");

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_STATISTICS_SUM_H_
