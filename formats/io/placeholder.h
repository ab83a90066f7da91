// What stands in place of a model file when a download went wrong.
#ifndef NIBBLE_FORMATS_IO_PLACEHOLDER_H_
#define NIBBLE_FORMATS_IO_PLACEHOLDER_H_

#include "absl/strings/string_view.h"

namespace nibble::io {

// Enough of a file's beginning for PlaceholderText().
inline constexpr size_t kPlaceholderBytes = 64;

// What a file that begins with `head` is instead of a model's, and what to do; empty if it is none of them.
absl::string_view PlaceholderText(absl::string_view head);

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_PLACEHOLDER_H_
