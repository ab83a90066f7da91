#include "runtime/parallel.h"

namespace nibble {

absl::Status ParallelFor(int threads, int64_t count, const std::function<absl::Status(int64_t)>& step) {
  absl::Status failure;
  int64_t failed = count;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int64_t index = 0; index < count; ++index) {
    absl::Status status = step(index);
    if (status.ok()) continue;
#pragma omp critical(nibble_parallel_for)
    if (index < failed) {
      failed = index;
      failure = std::move(status);
    }
  }
  return failure;
}

}  // namespace nibble
