// What a stream that people look at can show: its width, and colours.
#ifndef NIBBLE_CLI_TERMINAL_H_
#define NIBBLE_CLI_TERMINAL_H_

#include <string>

#include "absl/strings/string_view.h"

namespace nibble::cli {

// Of a file descriptor. A "dumb" terminal is none: it can neither erase a line nor show colours.
bool IsTerminal(int fd);
int TerminalColumns(int fd);  // 80 where there is none

// Colours are for terminals, and for nobody where NO_COLOR is set to anything (https://no-color.org).
bool TakesColor(int fd);

enum class Ink { kHeading, kError, kWarning };

// The text in that ink, or as it is unless `colored`.
std::string Paint(Ink ink, absl::string_view text, bool colored);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_TERMINAL_H_
