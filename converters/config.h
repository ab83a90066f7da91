// What families share in reading config.json.
#ifndef NIBBLE_CONVERTERS_CONFIG_H_
#define NIBBLE_CONVERTERS_CONFIG_H_

#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/json/json.h"

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

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_CONFIG_H_
