// The text of --help.
#ifndef NIBBLE_CLI_HELP_H_
#define NIBBLE_CLI_HELP_H_

#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cli/command.h"

namespace nibble::cli {

struct HelpStyle {
  int columns = 80;  // lines are wrapped to fit, down to 60
  bool colored = false;
};

// Of the program: its commands by group.
std::string ProgramHelp(absl::Span<const Command> commands, const HelpStyle& style);

// Of a command whose options `app` holds: how it is called, arguments, options by group in the order in which the
// groups were begun, examples.
std::string CommandHelp(const Command& command, const CLI::App& app, const HelpStyle& style);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_HELP_H_
