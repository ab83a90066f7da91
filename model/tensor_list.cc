#include "model/tensor_list.h"

#include <cassert>
#include <utility>

namespace nibble {

TensorList::TensorList(std::vector<LogicalTensor> tensors) : tensors_(std::move(tensors)) {
  for (size_t begin = 0; begin < tensors_.size();) {
    size_t end = begin + 1;
    while (end < tensors_.size() && tensors_[end].slice > 0) {
      assert(tensors_[end].slice == tensors_[end - 1].slice + 1);
      ++end;
    }
    by_role_and_layer_.emplace(std::pair(tensors_[begin].role, tensors_[begin].layer), stacks_.size());
    stacks_.push_back(absl::MakeConstSpan(tensors_).subspan(begin, end - begin));
    begin = end;
  }
}

TensorStack TensorList::Find(Role role, int layer) const {
  const auto found = by_role_and_layer_.find(std::pair(role, layer));
  return found == by_role_and_layer_.end() ? TensorStack() : stacks_[found->second];
}

}  // namespace nibble
