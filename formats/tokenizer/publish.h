// A vocabulary as the files of a Hugging Face folder, for one that was read from a GGUF.
#ifndef NIBBLE_FORMATS_TOKENIZER_PUBLISH_H_
#define NIBBLE_FORMATS_TOKENIZER_PUBLISH_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/json/object.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

// tokenizer.json, tokenizer_config.json and generation_config.json: names and texts. What a GGUF leaves unsaid (how
// added tokens are stripped, say) has the libraries' defaults; the merges of SentencePiece, which a GGUF has scores
// for, are found from these. LoadFolder makes a vocabulary of them that encodes every text alike. kUnimplemented: a
// pre-tokenizer that is not known. kDataLoss: a token, a merge or a template that is not UTF-8. REQUIRES: `vocabulary`
// is valid.
absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Publish(const Vocabulary& vocabulary,
                                                                         uint32_t context_length);

// config.json's "bos_token_id" and the like.
void SetTokenIds(const Vocabulary& vocabulary, json::Object& config);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_PUBLISH_H_
