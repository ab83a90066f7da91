// The program: command line in, exit code out.
#ifndef NIBBLE_CLI_APP_H_
#define NIBBLE_CLI_APP_H_

#include <memory>

#include "absl/status/statusor.h"
#include "pipeline/comm.h"

namespace nibble::cli {

// Runs the command that the arguments name and returns the exit code (base/status.h). Results go to stdout; progress,
// warnings and at most one line "nibble: error: ..." to stderr: of several ranks, to the first's alone. `comm` is what
// StartComm() returned, and ends here.
int Run(int argc, const char* const* argv, absl::StatusOr<std::unique_ptr<Comm>> comm);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_APP_H_
