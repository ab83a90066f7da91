// The text that `nibble verify` reads where none is given: the first 40 KiB of the tiny model's held-out text
// (tiny/README.md), ended at a line break. It tells something about the tiny model only.
#ifndef NIBBLE_TINY_EMBEDDED_TEXT_H_
#define NIBBLE_TINY_EMBEDDED_TEXT_H_

#include "absl/strings/string_view.h"

namespace nibble {

absl::string_view EmbeddedText();

}  // namespace nibble

#endif  // NIBBLE_TINY_EMBEDDED_TEXT_H_
