#include "model/model.h"

#include <algorithm>

namespace nibble {

std::vector<absl::Span<const LogicalTensor>> Model::Stacks() const {
  std::vector<absl::Span<const LogicalTensor>> stacks;
  for (size_t begin = 0; begin < tensors.size();) {
    size_t end = begin + 1;
    while (end < tensors.size() && tensors[end].slice > 0) ++end;
    stacks.push_back(absl::MakeConstSpan(tensors).subspan(begin, end - begin));
    begin = end;
  }
  return stacks;
}

absl::Span<const LogicalTensor> Model::Slices(Role role, int layer) const {
  const auto is_one = [&](const LogicalTensor& tensor) { return tensor.role == role && tensor.layer == layer; };
  const auto begin = std::find_if(tensors.begin(), tensors.end(), is_one);
  const auto end = std::find_if_not(begin, tensors.end(), is_one);
  return absl::MakeConstSpan(tensors).subspan(begin - tensors.begin(), end - begin);
}

const LogicalTensor* Model::Find(Role role, int layer, int slice) const {
  for (const LogicalTensor& tensor : Slices(role, layer)) {
    if (tensor.slice == slice) return &tensor;
  }
  return nullptr;
}

}  // namespace nibble
