#include "pipeline/output/column_weights.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "model/role.h"

namespace nibble {
namespace {

// Names, of which the first few are told.
class Missing {
 public:
  void Add(const std::string& name) {
    if (count_++ < kNamed) absl::StrAppend(&names_, names_.empty() ? "" : ", ", name);
  }
  int64_t count() const { return count_; }
  std::string Names() const { return absl::StrCat(names_, count_ > kNamed ? ", ..." : ""); }

 private:
  static constexpr int64_t kNamed = 4;
  int64_t count_ = 0;
  std::string names_;
};

}  // namespace

absl::StatusOr<ColumnWeights> ColumnWeights::Match(const imatrix::File& file, const OutputPlan& plan,
                                                   std::vector<std::string>& warnings) {
  ColumnWeights result;
  absl::flat_hash_map<std::string, const imatrix::Entry*> entries;
  for (const imatrix::Entry& entry : file.entries) entries[entry.name] = &entry;
  int64_t linears = 0;
  Missing missing;
  for (const OutputTensor& tensor : plan.tensors) {
    if (!GetRole(tensor.slices[0].role).is_linear || tensor.keep_bits) continue;
    ++linears;
    const auto found = entries.find(tensor.name);
    if (found == entries.end()) {
      missing.Add(tensor.name);
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
      const bool is_one = matrices == 1;
      warnings.push_back(absl::StrCat(
          tensor.name, ": ", is_one ? "" : absl::StrCat(unseen, " of ", matrices, " experts "),
          "saw no token in the importance matrix: ", is_one ? "its" : "their", " columns all count the same"));
    }
  }
  if (missing.count() == linears && linears > 0) {
    return BadData("importance matrix",
                   absl::StrCat("entries for the linears of this model, such as ", missing.Names()),
                   absl::StrCat("none of them among its ", file.entries.size()));
  }
  if (missing.count() > 0) {
    warnings.push_back(absl::StrCat("the importance matrix has no entry for ", missing.count(), " of ", linears,
                                    " linears, whose columns all count the same: ", missing.Names()));
  }
  return result;
}

const float* ColumnWeights::Find(const LogicalTensor& tensor) const {
  const auto found = weights_.find(&tensor);
  return found == weights_.end() ? nullptr : found->second.data();
}

}  // namespace nibble
