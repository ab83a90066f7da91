#include "pipeline/output/tensor_multipliers.h"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"
#include "model/logical_tensor.h"
#include "pipeline/comm/gather_values.h"
#include "quant/block/packing.h"

namespace nibble {
namespace {

constexpr float kLargest = 448.0f * 6.0f;  // E4M3's largest scale times E2M1's largest code
constexpr int kMaxExponent = 24;
constexpr int64_t kPanelElements = 1 << 18;

bool HasMultiplier(const OutputTensor& tensor) {
  const Packing* packing = FindPacking(tensor.format);
  return packing != nullptr && packing->is_scaled && !tensor.keep_bits;
}

absl::StatusOr<float> LargestMagnitude(const Model& model, const LogicalTensor& tensor, std::vector<float>& values) {
  const int64_t panel = PanelRows(tensor, kPanelElements / std::max<int64_t>(1, tensor.cols));
  float largest = 0;
  for (int64_t row = 0; row < tensor.rows; row += panel) {
    const int64_t end = std::min(tensor.rows, row + panel);
    values.resize((end - row) * tensor.cols);
    NIBBLE_RETURN_IF_ERROR(ReadRows(model.source, tensor, row, end, absl::MakeSpan(values)));
    for (const float value : values) largest = std::max(largest, std::fabs(value));
  }
  return largest;
}

absl::StatusOr<float> LargestOfAll(Comm& comm, float mine) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> all, GatherValues<float>(comm, {mine}));
  for (const float its : all) mine = std::max(mine, its);
  return mine;
}

}  // namespace

absl::Status SetMultipliers(const Model& model, int threads, Comm& comm, OutputPlan& plan) {
  std::vector<const LogicalTensor*> slices;
  for (const OutputTensor& tensor : plan.tensors) {
    if (!HasMultiplier(tensor)) continue;
    for (const LogicalTensor& slice : tensor.slices) slices.push_back(&slice);
  }
  std::vector<absl::StatusOr<float>> found(slices.size(), 0.0f);
  const size_t rank = comm.rank(), ranks = comm.size();
#pragma omp parallel num_threads(threads > 0 ? threads : omp_get_max_threads())
  {
    std::vector<float> values;
#pragma omp for schedule(dynamic, 1)
    for (size_t i = rank; i < slices.size(); i += ranks) found[i] = LargestMagnitude(model, *slices[i], values);
  }
  float largest = 0;
  for (const absl::StatusOr<float>& magnitude : found) {
    NIBBLE_RETURN_IF_ERROR(magnitude.status());
    largest = std::max(largest, *magnitude);
  }
  NIBBLE_ASSIGN_OR_RETURN(largest, LargestOfAll(comm, largest));
  if (largest == 0) return absl::OkStatus();
  const int exponent = std::clamp(std::ilogb(kLargest / largest), -kMaxExponent, kMaxExponent);
  for (OutputTensor& tensor : plan.tensors) {
    if (HasMultiplier(tensor)) tensor.multiplier = std::ldexp(1.0f, exponent);
  }
  return absl::OkStatus();
}

}  // namespace nibble
