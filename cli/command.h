// What a subcommand is. To add one: write cli/<name>.cc with a function that defines it, and add one row in
// commands.cc.
//
// A command declares its options, then parses nothing and computes nothing itself: it calls a job of pipeline/ and
// shows what the job returns.
#ifndef NIBBLE_CLI_COMMAND_H_
#define NIBBLE_CLI_COMMAND_H_

#include <cstdint>
#include <functional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "formats/io/file.h"
#include "pipeline/comm/comm.h"
#include "pipeline/job_device.h"
#include "pipeline/source/open_model.h"

namespace nibble::cli {

// What a command has once its options are parsed.
struct Context {
  io::FileSystem& files;
  Output& out;
  ProgressPrinter& progress;
  Comm& comm;           // where it is not its first rank, nothing is shown and no file asked for by name
  int threads = 0;      // --threads; 0: all
  DeviceChoice device;  // --device, never kAuto
  int sharers = 1;      // ranks of this process, which share its memory
  std::string pre;      // --pre
  int exit_code = 0;    // of a run without an error: 1 where a check does not hold

  // This rank's of what --memory allows; 0: the default.
  uint64_t ShareOf(uint64_t memory) const;

  // Results; the progress bar makes room first.
  void Show(absl::string_view text);

  // Opens a MODEL argument and shows its warnings.
  absl::StatusOr<Model> Open(const std::string& path, bool keep_mtp = false);
};

using Job = std::function<absl::Status(Context&)>;

struct Command {
  const char* group;  // its heading in the program's --help
  const char* name;
  const char* summary;
  const char* examples;  // at the end of --help, one a line
  // Adds the command's options to `app` and returns what to do once they are parsed.
  Job (*define)(CLI::App& app);
  bool shares_work = false;  // several ranks (pipeline/comm/comm.h) do it together
};

Job DefineInspect(CLI::App& app);
Job DefineConvert(CLI::App& app);
Job DefineCalibrate(CLI::App& app);
Job DefineQuantize(CLI::App& app);
Job DefinePlan(CLI::App& app);
Job DefineVerify(CLI::App& app);
Job DefineRun(CLI::App& app);
Job DefineLogits(CLI::App& app);
Job DefineTokenize(CLI::App& app);
Job DefineCheck(CLI::App& app);
Job DefineDiff(CLI::App& app);
Job DefineCompletion(CLI::App& app);

// In the order of --help, group by group.
absl::Span<const Command> Commands();

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_COMMAND_H_
