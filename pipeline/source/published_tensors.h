// What stands behind a model's linears in the folder that it was read from: folders are written with the same names,
// shapes and orders of rows, so that nothing has to be known of families.
#ifndef NIBBLE_PIPELINE_SOURCE_PUBLISHED_TENSORS_H_
#define NIBBLE_PIPELINE_SOURCE_PUBLISHED_TENSORS_H_

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "quant/block/format.h"

namespace nibble {

// Whether the model was read from safetensors.
bool IsFromFolder(const Model& model);

// "x.weight" of the tensor that it is read from: "x.weight", "x.weight_packed" or "x.qweight".
std::string WeightName(const StridedView& view);

// The format whose codes and scales a folder has of it already; nothing if it is none that compressed-tensors packs.
std::optional<Format> PackedFormat(const LogicalTensor& tensor);

// Immutable; thread-safe. `model` outlives it.
class PublishedTensors {
 public:
  explicit PublishedTensors(const Model& model);

  // Whether it is a published "x.weight" [out, in], all of it and alone: its rows, in any order, are whole rows there.
  bool IsWhole(const LogicalTensor& tensor) const;

 private:
  const Model& model_;
  absl::flat_hash_map<absl::string_view, int> uses_;  // stored tensor -> logical ones
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_SOURCE_PUBLISHED_TENSORS_H_
