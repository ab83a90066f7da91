// The options that every command takes.
#ifndef NIBBLE_CLI_COMMON_OPTIONS_H_
#define NIBBLE_CLI_COMMON_OPTIONS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "cli/progress.h"

namespace nibble::cli {

struct CommonOptions {
  int threads = 0;
  std::string device = "cpu";
  std::string progress = "bar";
  bool quiet = false;
  std::string pre;
};

// REQUIRES: `options` outlives `app`'s parse.
void AddCommonOptions(CLI::App& app, CommonOptions& options);

// As --progress and --quiet say. REQUIRES: parsed.
ProgressStyle StyleOf(const CommonOptions& options);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_COMMON_OPTIONS_H_
