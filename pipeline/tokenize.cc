#include "pipeline/tokenize.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/tokenizer/tokenizer.h"

namespace nibble {

absl::StatusOr<std::vector<uint32_t>> Tokenize(const Model& model, absl::string_view text, bool add_special) {
  if (!model.vocabulary) {
    return absl::NotFoundError(absl::StrCat(model.path, ": expected a tokenizer beside the weights, found none"));
  }
  NIBBLE_ASSIGN_OR_RETURN(const auto tokenizer, tokenizer::Tokenizer::Create(*model.vocabulary));
  return tokenizer->Encode(text, {.parse_special = true, .add_special = add_special});
}

}  // namespace nibble
