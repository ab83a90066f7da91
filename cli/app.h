// The program: command line in, exit code out.
#ifndef NIBBLE_CLI_APP_H_
#define NIBBLE_CLI_APP_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pipeline/comm/comm.h"
#include "pipeline/job_device.h"

namespace nibble::cli {

// FindDevices, or another in tests.
using DeviceFinder = std::function<absl::StatusOr<std::vector<DeviceChoice>>(absl::string_view name)>;

// Runs the command that the arguments name and returns the exit code (base/status.h). Results go to stdout; progress,
// warnings and at most one line "nibble: error: ..." to stderr: of several ranks, to the first's alone. `comm` is what
// StartComm() returned, and ends here.
//
// A process that is alone and finds several devices (GPUs, then) has a rank for each, as threads of its own, for
// commands that share their work. They have equal parts of --threads and of --memory.
int Run(int argc, const char* const* argv, absl::StatusOr<std::unique_ptr<Comm>> comm,
        const DeviceFinder& find_devices = FindDevices);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_APP_H_
