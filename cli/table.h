// Text in columns.
#ifndef NIBBLE_CLI_TABLE_H_
#define NIBBLE_CLI_TABLE_H_

#include <string>
#include <vector>

namespace nibble::cli {

enum class LastColumn { kFlushRight, kFlushLeft };

// One line per row; the first column is flush left, the others flush right, two spaces between them; words in the last
// column read better flush left. Rows may differ in length; no line ends in spaces.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows, LastColumn last = LastColumn::kFlushRight);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_TABLE_H_
