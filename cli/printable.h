// Text from files and paths, made safe to show: names may hold newlines, escape sequences or no UTF-8 at all.
#ifndef NIBBLE_CLI_PRINTABLE_H_
#define NIBBLE_CLI_PRINTABLE_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace nibble::cli {

// Control characters, those that break lines or turn the direction of what follows, and bytes that are no UTF-8 become
// \n, \t, \r or \xNN; the rest stays. Always one line.
std::string Printable(absl::string_view text);

// `text` as one word of a shell's command line: quoted where it has to be.
std::string ShellWord(absl::string_view text);

// The same of an error or a warning, of which no more is shown than a screen or two can hold: a file can have names of
// any length, and any number of them. What is left out of the middle is counted.
std::string PrintableMessage(absl::string_view text);

// Number of code points of valid UTF-8: columns on a terminal, near enough for alignment.
size_t Columns(absl::string_view text);

// The first `columns` code points.
absl::string_view Cut(absl::string_view text, size_t columns);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_PRINTABLE_H_
