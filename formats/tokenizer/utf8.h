// UTF-8, as far as tokenizers need it.
#ifndef NIBBLE_FORMATS_TOKENIZER_UTF8_H_
#define NIBBLE_FORMATS_TOKENIZER_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace nibble::tokenizer {

// Length of the well-formed character that begins at byte `begin`, or 0 if none does there (overlong forms and
// surrogates are not well-formed). REQUIRES: begin < text.size().
size_t Utf8Length(absl::string_view text, size_t begin);

// Length of the longest run from byte `begin` on that is well-formed, or else of the run that is not.
struct Utf8Run {
  size_t length;
  bool valid;
};
Utf8Run NextUtf8Run(absl::string_view text, size_t begin);

// The text in Unicode's normalization form NFC, as the tokenizers library brings it there: by the tables of Unicode 9.
// REQUIRES: well-formed.
std::string Nfc(absl::string_view text);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_UTF8_H_
