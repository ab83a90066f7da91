#include "pipeline/column_weights.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "model/role.h"

namespace nibble {

absl::StatusOr<ColumnWeights> ColumnWeights::Match(const imatrix::File& file, const OutputPlan& plan,
                                                   std::vector<std::string>& warnings) {
  ColumnWeights result;
  absl::flat_hash_map<std::string, const imatrix::Entry*> entries;
  for (const imatrix::Entry& entry : file.entries) entries[entry.name] = &entry;
  int64_t linears = 0, missing = 0;
  for (const OutputTensor& tensor : plan.tensors) {
    if (!GetRole(tensor.slices[0].role).is_linear || tensor.keep_bits) continue;
    ++linears;
    const auto found = entries.find(tensor.name);
    if (found == entries.end()) {
      ++missing;
      continue;
    }
    int64_t unseen = 0;
    const int64_t matrices = tensor.slices.size();
    for (int64_t slice = 0; slice < matrices; ++slice) {
      NIBBLE_ASSIGN_OR_RETURN(std::vector<float> means,
                              imatrix::MeanSquares(*found->second, matrices, tensor.slices[slice].cols, slice));
      unseen += means.empty();
      if (!means.empty()) result.weights_[&tensor.slices[slice]] = std::move(means);
    }
    if (unseen > 0) {
      warnings.push_back(
          absl::StrCat(tensor.name, ": ", unseen, " of ", matrices,
                       " experts saw no token in the importance matrix: their columns all count the same"));
    }
  }
  if (missing > 0) {
    warnings.push_back(absl::StrCat("the importance matrix has no entry for ", missing, " of ", linears,
                                    " linears: their columns all count the same"));
  }
  return result;
}

const float* ColumnWeights::Find(const LogicalTensor& tensor) const {
  const auto found = weights_.find(&tensor);
  return found == weights_.end() ? nullptr : found->second.data();
}

}  // namespace nibble
