// The alphabet in which byte-level vocabularies are written: every byte as one printable character. Bytes that are
// printable in Latin-1 stand for themselves, the other 68 are U+0100, U+0101, ... in order ("Ġ" is the space).
#ifndef NIBBLE_FORMATS_TOKENIZER_BYTE_ALPHABET_H_
#define NIBBLE_FORMATS_TOKENIZER_BYTE_ALPHABET_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace nibble::tokenizer {

absl::string_view PrintableForm(uint8_t byte);
// Every byte of `bytes` in its printable form.
std::string ToPrintable(absl::string_view bytes);
// The inverse; what is not of the alphabet stays as it is.
std::string FromPrintable(absl::string_view text);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_BYTE_ALPHABET_H_
