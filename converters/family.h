// Model families: how published configs and names become a ModelSpec and logical tensors, and GGUF keys and names.
//
// One file per family (converters/<family>.cc) that exports one `Family`; one row in families.cc. Most of a family is
// tables that are read in both directions: config key <-> GGUF key (fields.h), published name <-> role
// (tensor_table.h).
#ifndef NIBBLE_CONVERTERS_FAMILY_H_
#define NIBBLE_CONVERTERS_FAMILY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/gguf/gguf.h"
#include "formats/json/json.h"
#include "formats/json/object.h"
#include "formats/tensor_source.h"
#include "model/logical_tensor.h"
#include "model/model_spec.pb.h"
#include "model/tensor_list.h"

namespace nibble {

// What a family makes of a checkpoint's tensors.
struct TensorMap {
  std::vector<LogicalTensor> tensors;  // in the order in which a GGUF is written
  std::vector<std::string> warnings;
};

struct TensorTable;  // tensor_table.h

struct Family {
  absl::string_view name;
  absl::Span<const absl::string_view> hf_architectures;  // config.json "architectures"
  absl::Span<const absl::string_view> hf_model_types;    // config.json "model_type"
  absl::Span<const absl::string_view> gguf_architectures;

  // A Hugging Face folder.
  absl::StatusOr<ModelSpec> (*spec_from_config)(const json::Value& config);
  // kDataLoss names every tensor that is missing, of another shape than the config says, or unknown.
  absl::StatusOr<TensorMap> (*tensors_from_checkpoint)(const ModelSpec& spec, const TensorSource& source);

  // A GGUF.
  absl::StatusOr<ModelSpec> (*spec_from_gguf)(const gguf::Metadata& metadata, const TensorSource& source);
  absl::StatusOr<TensorMap> (*tensors_from_gguf)(const ModelSpec& spec, const TensorSource& source);
  // The architecture's keys, in the order in which llama.cpp's converter writes them.
  void (*spec_to_gguf)(const ModelSpec& spec, gguf::Metadata& metadata);

  // A Hugging Face folder of what was read from a GGUF (publish.h): the architecture's members of config.json, from
  // which spec_from_config makes `spec` again, and the tensors as they are published. kUnimplemented names what no
  // config can say.
  absl::Status (*spec_to_config)(const ModelSpec& spec, const TensorList& tensors, json::Object& config);
  TensorTable (*published_tensors)(const ModelSpec& spec);

  absl::string_view telltale = "";       // a key of this family's configs that name no architecture
  absl::string_view pre_tokenizer = "";  // the name for it that a GGUF has, where families share its expression
};

// "blk.3.attn_q.weight"; all slices of a tensor have one name.
std::string GgufName(const LogicalTensor& tensor);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_FAMILY_H_
