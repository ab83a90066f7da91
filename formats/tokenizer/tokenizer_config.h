// What stands beside the vocabulary: which tokens are special, which of them encoding adds, and the chat template.
#ifndef NIBBLE_FORMATS_TOKENIZER_TOKENIZER_CONFIG_H_
#define NIBBLE_FORMATS_TOKENIZER_TOKENIZER_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/json/json.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

// The files that say it; one that is not there is the document "{}".
struct ConfigFiles {
  json::Document tokenizer_json;
  json::Document tokenizer_config;
  json::Document config;         // config.json
  json::Document chat_template;  // chat_template.json
  std::string jinja;             // chat_template.jinja, empty if not there
};

// Sets special ids, add_bos, add_eos, add_sep and the templates as llama.cpp's converter does: the template of
// tokenizer.json's post-processor decides what is added, else tokenizer_config.json; ids are those of the tokens that
// tokenizer_config.json names, else config.json's. REQUIRES: tokens and types are there.
absl::Status ApplyConfig(const ConfigFiles& files, Vocabulary& vocabulary);

// A token of tokenizer_config.json's added_tokens_decoder. Its content lies in the document.
struct AddedToken {
  uint32_t id;
  absl::string_view content;
  bool special;
};
absl::StatusOr<std::vector<AddedToken>> ReadAddedTokens(const json::Document& tokenizer_config);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_TOKENIZER_CONFIG_H_
