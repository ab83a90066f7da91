#include "cli/plan_types.h"

#include <algorithm>

namespace nibble::cli {

std::vector<TypeUse> TypesOf(const Plan& plan) {
  std::vector<TypeUse> types;
  for (const PlannedTensor& tensor : plan.tensors()) {
    const auto same = [&](const TypeUse& use) { return use.type() == tensor.type(); };
    auto use = std::find_if(types.begin(), types.end(), same);
    if (use == types.end()) {
      use = types.emplace(types.end());
      use->set_type(tensor.type());
    }
    use->set_tensors(use->tensors() + 1);
    use->set_bytes(use->bytes() + tensor.bytes());
  }
  std::stable_sort(types.begin(), types.end(),
                   [](const TypeUse& a, const TypeUse& b) { return a.bytes() > b.bytes(); });
  return types;
}

double BitsPerWeight(const PlannedTensor& tensor) {
  double elements = 1;
  for (const int64_t size : tensor.shape()) elements *= size;
  return elements > 0 ? 8 * tensor.bytes() / elements : 0;
}

}  // namespace nibble::cli
