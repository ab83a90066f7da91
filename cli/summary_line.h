// A line of a summary: what it tells of, and that.
#ifndef NIBBLE_CLI_SUMMARY_LINE_H_
#define NIBBLE_CLI_SUMMARY_LINE_H_

#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace nibble::cli {

// "  size             3.0 MiB, 33.3 % of the source's 9.0 MiB"
inline std::string SummaryLine(absl::string_view label, absl::string_view value) {
  return absl::StrFormat("  %-16s %s\n", label, value);
}

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_SUMMARY_LINE_H_
