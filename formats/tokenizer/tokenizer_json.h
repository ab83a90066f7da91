// tokenizer.json of the tokenizers library: a pipeline of normalizer, pre-tokenizer and model, spelled out.
//
// Two pipelines are BPE as a GGUF can hold it: byte-level (a ByteLevel pre-tokenizer, known by its regexes) and
// SentencePiece's (spaces replaced by U+2581, byte fallback), whose scores are made from the ranks of the merges, so
// that they order pairs alike. Any other step is refused with its path.
#ifndef NIBBLE_FORMATS_TOKENIZER_TOKENIZER_JSON_H_
#define NIBBLE_FORMATS_TOKENIZER_TOKENIZER_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "formats/json/json.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

// `pre`, unless empty, names the pre-tokenizer instead of the file; `rows` as in FillTokens. Which special ids and
// which of them are added the file does not say alone: see tokenizer_config.h.
absl::StatusOr<Vocabulary> ReadTokenizerJson(const json::Document& file, const std::string& pre, uint32_t rows);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_TOKENIZER_JSON_H_
