// bash's completion of the command line, made of the tables that parse it.
#ifndef NIBBLE_CLI_BASH_COMPLETION_H_
#define NIBBLE_CLI_BASH_COMPLETION_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cli/command.h"

namespace nibble::cli {

// A script for bash to source. Commands, their options, types, values of choices, files and folders are completed.
std::string BashCompletion(absl::Span<const Command> commands);

// Whether it is known what can stand where help says `name`: "TYPE", "FILE", "a|b". A new word needs a row of the
// table.
bool CompletesValue(absl::string_view name);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_BASH_COMPLETION_H_
