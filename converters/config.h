// What families share in reading config.json.
#ifndef NIBBLE_CONVERTERS_CONFIG_H_
#define NIBBLE_CONVERTERS_CONFIG_H_

#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/json/json.h"
#include "formats/tensor_source.h"

namespace nibble {

// The value at a dotted path, "rope_parameters.rope_theta".
json::Value Lookup(const json::Value& config, absl::string_view path);

// The part of a config that is about the language model: `text_config` of a multimodal one, else the config itself.
json::Value TextConfig(const json::Value& config);

// kUnimplemented: "<place>: expected <supported>, found ..., which is not supported".
absl::Status NotSupported(const json::Value& value, absl::string_view supported);

// A key that changes the model's maths, and the one value of it that a family implements.
struct Supported {
  absl::string_view path;
  std::variant<bool, double, absl::string_view> value;
};

// kUnimplemented names the first key that is present, not null, and has another value.
absl::Status RequireSupported(const json::Value& config, absl::Span<const Supported> supported);

// kUnimplemented names the method, if the config says that the weights are quantized.
absl::Status RefuseQuantized(const json::Value& config);

// kUnimplemented names what the config's quantization has that tensor tables do not read: they read FP8 in blocks of
// 128 x 128, per row or per tensor ("fp8"), MXFP4 ("mxfp4"), and symmetric INT4 in groups ("compressed-tensors",
// "pack-quantized").
absl::Status RequireReadableQuantization(const json::Value& config);

// kDataLoss, if the config says that weights are quantized in a way that no tensor is stored in.
absl::Status RequireQuantizedTensors(const json::Value& config, const TensorSource& source);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_CONFIG_H_
