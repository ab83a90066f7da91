// Text as a JSON string literal.
#ifndef NIBBLE_FORMATS_JSON_QUOTE_H_
#define NIBBLE_FORMATS_JSON_QUOTE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace nibble::json {

// `text` in quotes, with quotes, backslashes and control characters escaped, and U+FFFD for
// bytes that are no UTF-8: what is written is JSON, whatever a file is called.
std::string Quote(absl::string_view text);

}  // namespace nibble::json

#endif  // NIBBLE_FORMATS_JSON_QUOTE_H_
