#include "pipeline/comm/rank_shares.h"

#include <omp.h>

#include <algorithm>

#include "base/status.h"

namespace nibble {

RankClock::RankClock(Comm& comm, int threads, const DeviceChoice& device)
    : comm_(comm),
      threads_(threads > 0 ? threads : omp_get_max_threads()),
      device_(device),
      waited_before_(comm.seconds_waited()) {}

absl::StatusOr<std::vector<RankShare>> RankClock::Gather(uint64_t done, uint64_t bytes_read,
                                                         uint64_t bytes_written) const {
  std::vector<RankShare> shares;
  if (comm_.size() == 1) return shares;
  RankShare mine;
  mine.set_host(comm_.host());
  mine.set_threads(threads_);
  if (device_.kind != DeviceKind::kCpu && LabelOf(device_) != comm_.host()) mine.set_device(LabelOf(device_));
  mine.set_share(static_cast<double>(done));
  mine.set_bytes_read(bytes_read);
  mine.set_bytes_written(bytes_written);
  mine.set_seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count());
  mine.set_seconds_waiting(comm_.seconds_waited() - waited_before_);
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm_.AllGather(mine.SerializeAsString()));
  double total = 0;
  for (const std::string& text : all) {
    if (!shares.emplace_back().ParseFromString(text))
      return absl::InternalError("a bug of nibble: a share that is none");
    total += shares.back().share();
  }
  for (RankShare& share : shares) share.set_share(share.share() / std::max(total, 1.0));
  return shares;
}

}  // namespace nibble
