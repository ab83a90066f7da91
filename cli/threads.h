// The threads that jobs compute with.
#ifndef NIBBLE_CLI_THREADS_H_
#define NIBBLE_CLI_THREADS_H_

#include "absl/status/status.h"

namespace nibble::cli {

// How many are for each of so many processes on this machine; 0: what StartThreads takes that for. A process that was
// given cores of its own keeps to them.
int ThreadsBeside(int processes);

// Starts so many (0: one per core), which wait for work. kResourceExhausted if the system has no room for them: found
// out here, since OpenMP would end the program, in its own words and with exit code 1.
absl::Status StartThreads(int threads);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_THREADS_H_
