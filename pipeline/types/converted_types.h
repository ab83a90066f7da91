// Which type every tensor of a converted GGUF gets: that of its values.
#ifndef NIBBLE_PIPELINE_TYPES_CONVERTED_TYPES_H_
#define NIBBLE_PIPELINE_TYPES_CONVERTED_TYPES_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "model/model.h"
#include "pipeline/types/type_choices.h"
#include "quant/block/format.h"

namespace nibble {

// By the rules of `convert`, to a GGUF.
absl::StatusOr<TypeChoices> ChooseConvertedTypes(const Model& model, const std::string& dtype);

// What `--dtype` calls for: nothing for "source". kInvalidArgument: it is no such name.
absl::StatusOr<std::optional<Format>> ConvertedDType(const std::string& dtype);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TYPES_CONVERTED_TYPES_H_
