// The basis of a model's hidden states: the published model's, or a rotated one (ModelSpec's residual_hadamard). A GGUF
// says so in a key of ours, which other programs pass over: for them it is a model like any other.
#ifndef NIBBLE_PIPELINE_SOURCE_RESIDUAL_BASIS_H_
#define NIBBLE_PIPELINE_SOURCE_RESIDUAL_BASIS_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "formats/gguf/gguf.h"
#include "model/model_spec.pb.h"

namespace nibble {

// "nibble.transform.residual_hadamard": the size of its blocks. kDataLoss if it is not a
// power of two that divides the hidden size.
void BasisToGguf(const ModelSpec& spec, gguf::Metadata& metadata);
absl::Status BasisFromGguf(const gguf::Metadata& metadata, ModelSpec& spec);

bool HaveOneBasis(const ModelSpec& a, const ModelSpec& b);

// states [T, hidden_size] of `from`, as `to` has them.
void ChangeBasis(const ModelSpec& from, const ModelSpec& to, absl::Span<float> states);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_SOURCE_RESIDUAL_BASIS_H_
