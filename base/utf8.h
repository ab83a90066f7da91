// Text whose encoding nobody has vouched for: names of files, pieces of damaged ones.
#ifndef NIBBLE_BASE_UTF8_H_
#define NIBBLE_BASE_UTF8_H_

#include <string>

#include "absl/strings/string_view.h"

namespace nibble {

// Where the first byte lies that is not part of well-formed UTF-8; npos if there is none.
size_t FindInvalidUtf8(absl::string_view text);

// The text, with U+FFFD for every byte that is not part of well-formed UTF-8.
std::string ValidUtf8(absl::string_view text);

}  // namespace nibble

#endif  // NIBBLE_BASE_UTF8_H_
