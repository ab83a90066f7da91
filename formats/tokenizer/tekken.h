// tekken.json of Mistral's newer models: tiktoken's ranks in JSON. Special tokens have the first ids; the regular ones
// follow, as many as the vocabulary's size leaves of a longer list.
#ifndef NIBBLE_FORMATS_TOKENIZER_TEKKEN_H_
#define NIBBLE_FORMATS_TOKENIZER_TEKKEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "formats/json/json.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

// `pre`, unless empty, names the pre-tokenizer instead of the file; `rows` as in FillTokens. Special tokens are those
// that the file lists, else those that mistral-common gives to files without a list; the rest are <SPECIAL_n>.
absl::StatusOr<Vocabulary> ReadTekken(const json::Document& file, const std::string& pre, uint32_t rows);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_TEKKEN_H_
