// "did you mean ...?"
#ifndef NIBBLE_CLI_SUGGEST_H_
#define NIBBLE_CLI_SUGGEST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace nibble::cli {

// "; did you mean 'Q4_K_M'?" with the known word nearest to `word`, case and separators ignored; empty if none is near.
std::string Suggestion(absl::string_view word, const std::vector<std::string>& known);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_SUGGEST_H_
