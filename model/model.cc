#include "model/model.h"

namespace nibble {

const LogicalTensor* Model::Find(Role role, int layer, int expert) const {
  for (const LogicalTensor& tensor : tensors) {
    if (tensor.role == role && tensor.layer == layer && tensor.expert == expert) return &tensor;
  }
  return nullptr;
}

}  // namespace nibble
