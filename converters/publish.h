// The other direction: where the tensors of a model lie in the checkpoint that its family publishes.
#ifndef NIBBLE_CONVERTERS_PUBLISH_H_
#define NIBBLE_CONVERTERS_PUBLISH_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "converters/tensor_table.h"
#include "formats/json/object.h"
#include "formats/tensor_source.h"
#include "model/logical_tensor.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "model/tensor_list.h"

namespace nibble {

struct Checkpoint {
  // The model's tensors in their order, as views of `stored`; constants stay what they are. A view's `add` says by how
  // much the model's values are more than the published ones.
  std::vector<LogicalTensor> tensors;
  std::vector<StoredTensor>
      stored;  // names and shapes of elements, in the order of their first use; nothing else is set
};

// By the table's first row of each role that is not about packed blocks. REQUIRES: `tensors` are of a model with
// `spec`.
Checkpoint LayOutCheckpoint(const TensorTable& table, const ModelSpec& spec, const TensorList& tensors);

// For Family::spec_to_config.
void SetIdentity(absl::string_view architecture, absl::string_view model_type, const ModelSpec& spec,
                 json::Object& config);
bool HasRole(const TensorList& tensors, Role role);  // in the first layer

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_PUBLISH_H_
