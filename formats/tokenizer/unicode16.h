// The characters that Unicode gained from version 14, whose tables Debian's PCRE2 has, to version 16, by whose tables
// the tokenizers library splits text: emoji of the last years, Han extensions, scripts.
#ifndef NIBBLE_FORMATS_TOKENIZER_UNICODE16_H_
#define NIBBLE_FORMATS_TOKENIZER_UNICODE16_H_

#include <string>

#include "absl/strings/string_view.h"

namespace nibble::tokenizer {

// Those of a property ("Lu", "L", "Han", ...; not every property is here) as members of a regex class, in PCRE2's
// syntax: "\x{1C89}\x{A7CB}-\x{A7CC}...". Empty if there are none.
std::string MembersSinceUnicode14(absl::string_view property);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_UNICODE16_H_
