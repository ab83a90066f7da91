// What each of several ranks had of a job, for the report.
#ifndef NIBBLE_PIPELINE_COMM_RANK_SHARES_H_
#define NIBBLE_PIPELINE_COMM_RANK_SHARES_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "device/make_device.h"
#include "pipeline/comm/comm.h"
#include "pipeline/report.pb.h"

namespace nibble {

// Measures from its construction on.
class RankClock {
 public:
  // `threads` 0: all.
  RankClock(Comm& comm, int threads, const DeviceChoice& device = {});

  // All ranks', by rank, whose shares are by what each has done (of any unit); none where this one is alone.
  // Collective.
  absl::StatusOr<std::vector<RankShare>> Gather(uint64_t done, uint64_t bytes_read, uint64_t bytes_written) const;

 private:
  Comm& comm_;
  const int threads_;
  const DeviceChoice device_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  const double waited_before_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_RANK_SHARES_H_
