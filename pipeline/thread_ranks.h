// Ranks as threads of one process, for tests: all but what carries the bytes is as it is between machines.
#ifndef NIBBLE_PIPELINE_THREAD_RANKS_H_
#define NIBBLE_PIPELINE_THREAD_RANKS_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "pipeline/comm.h"

namespace nibble {

// Runs `job` once per rank, each on a thread of its own, and then its last Agree(). The outcomes, by rank.
std::vector<absl::Status> RunRanks(int ranks, const std::function<absl::Status(Comm&)>& job);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_THREAD_RANKS_H_
