// Rope scaling that is a fixed divisor per frequency: none, linear, llama3.
#ifndef NIBBLE_CONVERTERS_ROPE_SCALING_H_
#define NIBBLE_CONVERTERS_ROPE_SCALING_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/gguf/gguf.h"
#include "formats/json/json.h"
#include "formats/tensor_source.h"

namespace nibble {

// One divisor per pair of dimensions, from `rope_parameters` or `rope_scaling`; empty if all are 1. kUnimplemented
// names any other type of scaling.
absl::StatusOr<std::vector<float>> FrequencyFactors(const json::Value& config, uint32_t dimensions, double base);

// The same from GGUF keys and, where it is there, the tensor rope_freqs.weight.
absl::StatusOr<std::vector<float>> FrequencyFactors(const gguf::Metadata& metadata, absl::string_view architecture,
                                                    const TensorSource& source, uint32_t dimensions);

// Whether the factors go into a GGUF as the tensor rope_freqs.weight; equal ones go into keys.
bool NeedRopeTensor(absl::Span<const float> factors);
void RopeScalingToGguf(absl::Span<const float> factors, absl::string_view architecture, gguf::Metadata& metadata);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_ROPE_SCALING_H_
