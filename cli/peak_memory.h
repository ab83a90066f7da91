// The most memory that this process has had.
#ifndef NIBBLE_CLI_PEAK_MEMORY_H_
#define NIBBLE_CLI_PEAK_MEMORY_H_

#include <cstdint>
#include <fstream>
#include <string>

namespace nibble::cli {

// Resident bytes at their highest; 0 if the system does not tell. (getrusage would count the process that started this
// one, as it was when it did.)
inline uint64_t PeakMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    uint64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PEAK_MEMORY_H_
