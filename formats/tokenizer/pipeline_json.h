// The steps of tokenizer.json around its model: which algorithm they are, and which pre-tokenizer.
#ifndef NIBBLE_FORMATS_TOKENIZER_PIPELINE_JSON_H_
#define NIBBLE_FORMATS_TOKENIZER_PIPELINE_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "formats/json/json.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

// kUnimplemented, with its path, if $.model is not plain BPE.
absl::Status CheckBpe(json::Value model);

// Sets algorithm, pre, nfc and add_space_prefix from $.normalizer, $.pre_tokenizer and $.model. `pre`, unless empty,
// names the pre-tokenizer instead. kUnimplemented on a step that is not understood.
absl::Status ReadPipeline(json::Value root, const std::string& pre, Vocabulary& vocabulary);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_PIPELINE_JSON_H_
