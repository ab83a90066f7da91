#include "model/model.h"

#include <algorithm>

namespace nibble {

const LogicalTensor* Model::Find(Role role, int layer, int slice) const {
  const TensorStack stack = tensors.Find(role, layer);
  const bool is_sliced = !stack.empty() && stack[0].slice >= 0;
  if (is_sliced != (slice >= 0)) return nullptr;
  const size_t index = std::max(slice, 0);
  return index < stack.size() ? &stack[index] : nullptr;
}

}  // namespace nibble
