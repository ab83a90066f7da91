#include "cli/table.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/printable.h"

namespace nibble::cli {

std::string FormatTable(const std::vector<std::vector<std::string>>& rows, LastColumn last) {
  std::vector<size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Columns(row[i]));
  }
  std::string out;
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - Columns(row[i]), ' ');
      const bool flush_left = i == 0 || (last == LastColumn::kFlushLeft && i + 1 == widths.size());
      absl::StrAppend(&line, i == 0 ? "" : "  ", flush_left ? row[i] : padding, flush_left ? padding : row[i]);
    }
    absl::StripTrailingAsciiWhitespace(&line);
    out += line + "\n";
  }
  return out;
}

}  // namespace nibble::cli
