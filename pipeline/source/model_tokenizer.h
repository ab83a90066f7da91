// The tokenizer of an opened model, for jobs that turn text into its inputs.
#ifndef NIBBLE_PIPELINE_SOURCE_MODEL_TOKENIZER_H_
#define NIBBLE_PIPELINE_SOURCE_MODEL_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/tokenizer/tokenizer.h"
#include "model/model.h"

namespace nibble {

// kNotFound if the model came without one.
absl::StatusOr<std::unique_ptr<tokenizer::Tokenizer>> MakeTokenizer(const Model& model);

// Ids that may go into the model: kDataLoss if one has no row in the embedding.
absl::StatusOr<std::vector<uint32_t>> EncodeForModel(const Model& model, const tokenizer::Tokenizer& tokenizer,
                                                     absl::string_view text, const tokenizer::EncodeOptions& options);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_SOURCE_MODEL_TOKENIZER_H_
