// A parallel loop whose steps may fail.
#ifndef NIBBLE_RUNTIME_PARALLEL_H_
#define NIBBLE_RUNTIME_PARALLEL_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"

namespace nibble {

// Calls step(0) ... step(count - 1), each once, on `threads` threads in any order. Returns the failure of the lowest
// index, so that the error does not depend on the number of threads.
absl::Status ParallelFor(int threads, int64_t count, const std::function<absl::Status(int64_t)>& step);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_PARALLEL_H_
