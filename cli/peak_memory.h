// The memory that this process has, and the most that it has had.
#ifndef NIBBLE_CLI_PEAK_MEMORY_H_
#define NIBBLE_CLI_PEAK_MEMORY_H_

#include <cstdint>
#include <fstream>
#include <string>

namespace nibble::cli {

// A figure of /proc/self/status, in bytes; 0 if the system does not tell.
inline uint64_t MemoryFigure(const std::string& label) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    uint64_t kibibytes = 0;
    if (word == label && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

// Resident bytes at their highest. (getrusage would count the process that started this one, as it was when it did.)
inline uint64_t PeakMemory() { return MemoryFigure("VmHWM:"); }

inline uint64_t ResidentMemory() { return MemoryFigure("VmRSS:"); }

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PEAK_MEMORY_H_
