// A model's tensors, found by role, layer and slice. Of a large mixture of experts there are a hundred thousand.
#ifndef NIBBLE_MODEL_TENSOR_LIST_H_
#define NIBBLE_MODEL_TENSOR_LIST_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "model/logical_tensor.h"
#include "model/role.h"

namespace nibble {

// All slices of one tensor, in their order; a tensor that is not sliced is one.
using TensorStack = absl::Span<const LogicalTensor>;

// Immutable after it was made; thread-safe. Moving it leaves its tensors where they are.
class TensorList {
 public:
  TensorList() = default;
  // REQUIRES: slices of one tensor stand next to one another, from 0 on.
  explicit TensorList(std::vector<LogicalTensor> tensors);
  TensorList(TensorList&&) = default;
  TensorList& operator=(TensorList&&) = default;

  size_t size() const { return tensors_.size(); }
  const LogicalTensor& operator[](size_t index) const { return tensors_[index]; }
  auto begin() const { return tensors_.begin(); }
  auto end() const { return tensors_.end(); }

  absl::Span<const TensorStack> stacks() const { return stacks_; }
  // Empty if there is none.
  TensorStack Find(Role role, int layer) const;

 private:
  std::vector<LogicalTensor> tensors_;
  std::vector<TensorStack> stacks_;                                        // of tensors_
  absl::flat_hash_map<std::pair<Role, int>, uint32_t> by_role_and_layer_;  // into stacks_
};

}  // namespace nibble

#endif  // NIBBLE_MODEL_TENSOR_LIST_H_
