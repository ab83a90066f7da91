// How much each column of a linear matters: E[x^2] from an importance matrix.
#ifndef NIBBLE_PIPELINE_OUTPUT_COLUMN_WEIGHTS_H_
#define NIBBLE_PIPELINE_OUTPUT_COLUMN_WEIGHTS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/imatrix/imatrix.h"
#include "model/logical_tensor.h"
#include "pipeline/output/plan.h"

namespace nibble {

// Immutable; thread-safe. Empty by default.
class ColumnWeights {
 public:
  ColumnWeights() = default;
  // For the linears of a plan. kDataLoss if an entry is of another size than its tensor, or no linear has one. A linear
  // without an entry, or an expert that none of its tokens reached, has no weights, and `warnings` says so.
  static absl::StatusOr<ColumnWeights> Match(const imatrix::File& file, const OutputPlan& plan,
                                             std::vector<std::string>& warnings);

  // One per column; null if there are none: all count the same.
  const float* Find(const LogicalTensor& tensor) const;

 private:
  absl::flat_hash_map<const LogicalTensor*, std::vector<float>> weights_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_COLUMN_WEIGHTS_H_
