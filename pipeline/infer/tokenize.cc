#include "pipeline/infer/tokenize.h"

#include "base/status.h"
#include "formats/tokenizer/tokenizer.h"
#include "pipeline/source/model_tokenizer.h"

namespace nibble {

absl::StatusOr<std::vector<uint32_t>> Tokenize(const Model& model, absl::string_view text, bool add_special) {
  NIBBLE_ASSIGN_OR_RETURN(const auto tokenizer, MakeTokenizer(model));
  return tokenizer->Encode(text, {.parse_special = true, .add_special = add_special});
}

}  // namespace nibble
