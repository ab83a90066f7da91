// The bytes that each type takes, as bars and as a table.
#ifndef NIBBLE_CLI_TYPE_BARS_H_
#define NIBBLE_CLI_TYPE_BARS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/html_writer.h"
#include "pipeline/report.pb.h"

namespace nibble::cli {

// A model's.
struct TypeBar {
  std::string name;
  uint64_t bytes = 0;
  std::vector<TypeUse> types;
  std::string place;  // of the list of types in the JSON: "/candidates/0/types/"
};

void WriteTypeBars(HtmlWriter& html, const std::vector<TypeBar>& bars);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_TYPE_BARS_H_
