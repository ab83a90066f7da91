// A model on its way to another of the same source, with folds added to its recipes.
#ifndef NIBBLE_PIPELINE_TRANSFORM_MODEL_EDITOR_H_
#define NIBBLE_PIPELINE_TRANSFORM_MODEL_EDITOR_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "model/fold.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "model/model_spec.pb.h"
#include "model/role.h"

namespace nibble {

// Tensors that the model does not have are passed over. `model` outlives it.
class ModelEditor {
 public:
  explicit ModelEditor(const Model& model);

  const Model& original() const { return original_; }
  ModelSpec& spec() { return spec_; }

  // One more step of the map of rows or columns: of one slice, or (slice -1) of all that there are.
  void MapRows(Role role, int layer, const FoldStep& step, int slice = -1);
  void MapCols(Role role, int layer, const FoldStep& step, int slice = -1);
  // Other values in place of recipe and fold. REQUIRES: it is a vector of as many.
  void Replace(Role role, int layer, const Constants& values);
  // The output projection becomes a tensor of its own, the same as the token embedding by now. REQUIRES: it is tied.
  void Untie();

  Model Finish();

 private:
  void Index();
  absl::Span<LogicalTensor> Slices(Role role, int layer, int slice);

  const Model& original_;
  ModelSpec spec_;
  std::vector<LogicalTensor> tensors_;
  absl::flat_hash_map<std::pair<Role, int>, std::pair<size_t, size_t>> stacks_;  // role, layer -> first, count
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TRANSFORM_MODEL_EDITOR_H_
