// Ranks as threads of one process, one for each of its GPUs, and in tests: all but what carries the bytes is as it is
// between machines.
#ifndef NIBBLE_PIPELINE_COMM_THREAD_RANKS_H_
#define NIBBLE_PIPELINE_COMM_THREAD_RANKS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "pipeline/comm/comm.h"

namespace nibble {

// Runs `job` once per rank, each on a thread of its own, and then its last Agree(). The outcomes, by rank. `hosts` are
// what Comm::host() gives: the place that messages name.
std::vector<absl::Status> RunRanks(absl::Span<const std::string> hosts, const std::function<absl::Status(Comm&)>& job);
// On "thread-0", "thread-1", ...
std::vector<absl::Status> RunRanks(int ranks, const std::function<absl::Status(Comm&)>& job);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_THREAD_RANKS_H_
