#ifndef NIBBLE_CLI_PEAK_MEMORY_H_
#define NIBBLE_CLI_PEAK_MEMORY_H_

#include <sys/resource.h>

#include <cstdint>

namespace nibble::cli {

// The largest resident set of this process so far, in bytes.
inline uint64_t PeakMemory() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PEAK_MEMORY_H_
