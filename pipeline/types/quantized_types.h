// Which type every tensor of a quantized output gets, and why.
#ifndef NIBBLE_PIPELINE_TYPES_QUANTIZED_TYPES_H_
#define NIBBLE_PIPELINE_TYPES_QUANTIZED_TYPES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/model.h"
#include "pipeline/types/stored_formats.h"
#include "pipeline/types/type_choices.h"
#include "pipeline/types/type_options.h"
#include "quant/block/format.h"

namespace nibble {

// By the rules of design section 4, "Types" and "Requantizing". kInvalidArgument: a type that is not known or that
// nothing can encode, a regex that is none or matches no matrix, a fallback where none is allowed. kUnimplemented: a
// model that the container cannot hold.
absl::StatusOr<TypeChoices> ChooseQuantizedTypes(const Model& model, const TypeOptions& options);

// The same for those who ask for many choices: `stored` is what FindStoredFormats() tells.
absl::StatusOr<TypeChoices> ChooseQuantizedTypes(const Model& model, const StoredFormats& stored,
                                                 const TypeOptions& options);

// The same with a wish for each stack, in the place of `options.type`, which then counts where there is none.
struct WishedType {
  Format format;
  std::string reason;
};
using WishedTypes = std::vector<std::optional<WishedType>>;
absl::StatusOr<TypeChoices> ChooseQuantizedTypes(const Model& model, const StoredFormats& stored,
                                                 const TypeOptions& options, const WishedTypes& wishes);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TYPES_QUANTIZED_TYPES_H_
