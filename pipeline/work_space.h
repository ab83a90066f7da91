// What a job may keep in memory, and where the rest goes.
#ifndef NIBBLE_PIPELINE_WORK_SPACE_H_
#define NIBBLE_PIPELINE_WORK_SPACE_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "formats/io/file.h"

namespace nibble {

inline constexpr uint64_t kDefaultMemory = uint64_t{1} << 30;

struct WorkSpace {
  uint64_t memory = 0;    // bytes; 0: kDefaultMemory
  std::string directory;  // of the work file, which is made if it is needed; empty: the current one
  io::FileSystem* files = &io::Posix();

  // Bytes that are left for hidden states beside so many.
  uint64_t BytesBeside(uint64_t working) const {
    const uint64_t all = memory == 0 ? kDefaultMemory : memory;
    return all - std::min(all, working);
  }
};

// Whether a work file can be made there: before the work, in the middle of which it is made. kPermissionDenied if not.
absl::Status CheckDirectory(const WorkSpace& work);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_WORK_SPACE_H_
