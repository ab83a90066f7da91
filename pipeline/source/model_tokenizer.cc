#include "pipeline/source/model_tokenizer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace nibble {

absl::StatusOr<std::unique_ptr<tokenizer::Tokenizer>> MakeTokenizer(const Model& model) {
  if (!model.vocabulary) {
    return absl::NotFoundError(absl::StrCat(model.path, ": expected a tokenizer beside the weights, found none"));
  }
  return tokenizer::Tokenizer::Create(*model.vocabulary);
}

absl::StatusOr<std::vector<uint32_t>> EncodeForModel(const Model& model, const tokenizer::Tokenizer& tokenizer,
                                                     absl::string_view text, const tokenizer::EncodeOptions& options) {
  NIBBLE_ASSIGN_OR_RETURN(std::vector<uint32_t> ids, tokenizer.Encode(text, options));
  const auto largest = std::max_element(ids.begin(), ids.end());
  if (largest == ids.end() || *largest < model.spec.vocab_size()) return ids;
  return BadData(absl::StrCat(model.path, ": tokenizer"),
                 absl::StrCat("ids below the embedding's ", model.spec.vocab_size(), " rows"), absl::StrCat(*largest));
}

}  // namespace nibble
