// What is said of a command line that cannot be parsed, and what to type instead.
#ifndef NIBBLE_CLI_USAGE_ERROR_H_
#define NIBBLE_CLI_USAGE_ERROR_H_

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "cli/command.h"

namespace nibble::cli {

// kInvalidArgument, in one line that ends in where to read more. `app` holds the command's options; its parse ended in
// `error`.
absl::Status UsageError(const Command& command, const CLI::App& app, const CLI::ParseError& error);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_USAGE_ERROR_H_
