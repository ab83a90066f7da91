// The threads that jobs compute with.
#ifndef NIBBLE_CLI_THREADS_H_
#define NIBBLE_CLI_THREADS_H_

#include "absl/status/status.h"

namespace nibble::cli {

// Starts so many (0: one per core), which wait for work. kResourceExhausted if the system has no room for them: found
// out here, since OpenMP would end the program, in its own words and with exit code 1.
absl::Status StartThreads(int threads);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_THREADS_H_
