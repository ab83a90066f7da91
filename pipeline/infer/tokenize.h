// Text to token ids, by a model's own tokenizer.
#ifndef NIBBLE_PIPELINE_INFER_TOKENIZE_H_
#define NIBBLE_PIPELINE_INFER_TOKENIZE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/model.h"

namespace nibble {

// Literal special tokens in the text become their ids. With `add_special` also those that the vocabulary puts around a
// text. kNotFound if the model has no tokenizer.
absl::StatusOr<std::vector<uint32_t>> Tokenize(const Model& model, absl::string_view text, bool add_special);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_INFER_TOKENIZE_H_
