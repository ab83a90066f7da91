// Llama 2, 3 and 3.x, and what is published in their form (SmolLM2, TinyLlama, llama2.c's stories).
#ifndef NIBBLE_CONVERTERS_LLAMA_H_
#define NIBBLE_CONVERTERS_LLAMA_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "converters/decoder.h"
#include "converters/family.h"
#include "converters/fields.h"
#include "converters/rope_scaling.h"
#include "converters/tensor_table.h"
#include "formats/gguf/gguf.h"
#include "formats/json/object.h"
#include "formats/tensor_source.h"
#include "model/model_spec.pb.h"

namespace nibble {

extern const Family kLlama;

// What others of Llama's form share: Mistral and Mixtral are written as the architecture "llama" too, or as one that
// differs in little more than its name ("mistral3").

// Tensors of a decoder with rope and gated feed-forwards, dense or Mixtral's experts, by Hugging Face's names.
absl::Span<const TensorRow> LlamaTensors();

// What the fields must be to one another.
absl::Status CheckLlamaFields(const Fields& fields);

// Of checked fields. The weights of the experts that are chosen add up to 1.
ModelSpec LlamaSpec(const Identity& identity, const Fields& fields, const ResolvedRope& rope);

// `identity` but for `tied`, which the tensors say.
absl::StatusOr<ModelSpec> LlamaSpecFromGguf(Identity identity, const gguf::Metadata& metadata,
                                            const TensorSource& source, const YarnDefaults& yarn = {});
// The keys but for those of rope scaling.
void LlamaFieldsToGguf(const ModelSpec& spec, gguf::Metadata& metadata);

// The members but for its names and rope scaling.
void LlamaFieldsToConfig(const ModelSpec& spec, json::Object& config);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_LLAMA_H_
