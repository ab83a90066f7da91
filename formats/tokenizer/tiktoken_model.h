// tiktoken.model of Kimi: "<base64 of the token's bytes> <rank>" in every line. Which tokens are special stands in
// tokenizer_config.json; which regex cuts the text, in Python code that is published beside it and known here by the
// name of its class.
#ifndef NIBBLE_FORMATS_TOKENIZER_TIKTOKEN_MODEL_H_
#define NIBBLE_FORMATS_TOKENIZER_TIKTOKEN_MODEL_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/json/json.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

// Whether the first line is such a line: Llama 3 publishes ranks under SentencePiece's file name.
bool LooksLikeTiktoken(absl::string_view bytes);

// `pre`, unless empty, names the pre-tokenizer; `rows` as in FillTokens. kUnimplemented if `pre` is empty and
// tokenizer_config.json names another class than Kimi's.
absl::StatusOr<Vocabulary> ReadTiktokenModel(absl::string_view bytes, absl::string_view place,
                                             const json::Document& tokenizer_config, const std::string& pre,
                                             uint32_t rows);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_TIKTOKEN_MODEL_H_
