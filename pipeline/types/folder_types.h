// `convert` to a folder: which type every tensor of a GGUF has there.
#ifndef NIBBLE_PIPELINE_TYPES_FOLDER_TYPES_H_
#define NIBBLE_PIPELINE_TYPES_FOLDER_TYPES_H_

#include <string>

#include "absl/status/statusor.h"
#include "model/model.h"
#include "pipeline/types/type_choices.h"

namespace nibble {

// Floats stay what they are, and so do the bits of linears in MXFP4, NVFP4, and Q4_0 (as INT4_G32, where that can hold
// them: the stream says if not). `dtype`, if it is not "source", is that of all other matrices, and of those in NVFP4
// and Q4_0 too. kUnimplemented names a tensor of another type, unless `dtype` decodes it, and a model that was read
// from a folder.
absl::StatusOr<TypeChoices> ChooseFolderTypes(const Model& model, const std::string& dtype);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TYPES_FOLDER_TYPES_H_
