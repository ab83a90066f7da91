// What has been chosen for every tensor of an output.
#ifndef NIBBLE_PIPELINE_TYPES_TYPE_CHOICES_H_
#define NIBBLE_PIPELINE_TYPES_TYPE_CHOICES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "model/role.h"
#include "pipeline/report.pb.h"
#include "pipeline/source/publication.h"
#include "pipeline/types/container.h"
#include "quant/block/format.h"

namespace nibble {

// Of a choice that copies blocks.
inline constexpr absl::string_view kKeptBits = "kept bits";

// Whose folders have a layout of their own.
inline constexpr absl::string_view kGptOssFamily = "gpt_oss";

// Whether a GGUF has a choice for it: all else is F32 there.
inline bool IsMatrix(const LogicalTensor& tensor) {
  return GetRole(tensor.role).is_linear || tensor.role == Role::kTokenEmbedding || tensor.role == Role::kOutput;
}

struct TypeChoice {
  Format format = Format::kF32;
  bool keep_bits = false;  // the stored blocks are copied
  std::string reason;      // of Plan's tensors
  bool is_open = false;    // --type alone says it: another type would do as well
};

struct TypeChoices {
  Container container = Container::kGguf;
  std::string name;              // of the type as a whole
  uint32_t file_type = 0;        // general.file_type
  std::vector<TypeChoice> each;  // one per stack of the model: all slices of a tensor have one type
  std::vector<std::string> warnings;
  std::optional<FitReport> fit;                    // of --fit
  std::shared_ptr<const Publication> publication;  // of a folder, where the model was not read from one
};

// kUnimplemented: tensors that are published as one, but have several types. REQUIRES: there is a publication.
absl::Status CheckFusedTypes(const Model& model, const TypeChoices& choices);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TYPES_TYPE_CHOICES_H_
