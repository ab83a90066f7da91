// A matrix's sum over a text's blocks, of which ranks have some nodes each (tree_sum.h) in their devices' memory. What
// linked devices have goes from one to the other, and is added up there; what goes between groups goes by the hosts.
// Both ways have one tree, and so one outcome, bit by bit.
#ifndef NIBBLE_PIPELINE_COMM_SUM_ON_DEVICES_H_
#define NIBBLE_PIPELINE_COMM_SUM_ON_DEVICES_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "pipeline/comm/linked_ranks.h"
#include "pipeline/comm/sum_over_ranks.h"

namespace nibble {

// `nodes` are all ranks', by rank, in the order of their blocks; `mine` this one's that are not empty, as large as
// `sum`, where all ranks get the sum. Collective. kResourceExhausted: no room on the device.
// REQUIRES: several ranks; the nodes are all of the tree, and one of them is not empty.
absl::Status SumOnDevices(const LinkedRanks& ranks, Device& device, absl::Span<const std::vector<NodePlace>> nodes,
                          absl::Span<const Matrix> mine, Matrix sum);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_SUM_ON_DEVICES_H_
