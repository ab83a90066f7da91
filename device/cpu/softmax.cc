#include <algorithm>

#include "device/cpu/operations.h"
#include "device/device.h"
#include "device/maths/softmax_state.h"

namespace nibble::cpu {
namespace {

void TakeRow(absl::Span<const float> values, int64_t first_column, uint32_t target, SoftmaxState& state) {
  const auto largest = std::max_element(values.begin(), values.end());
  TakeMax(*largest, largest - values.begin(), first_column, state);
  const float max = state.max;
  double sum = 0;
  for (float value : values) sum += SoftmaxTerm(value, max);
  state.sum += sum;
  TakeTarget(values.data(), values.size(), first_column, target, state);
}

void TakeRow(absl::Span<const float> reference, absl::Span<const float> candidate, DivergenceState& state) {
  RaiseMax(*std::max_element(reference.begin(), reference.end()), state);
  const float max = state.max;
  double sum = 0;
  for (size_t i = 0; i < reference.size(); ++i) sum += DivergenceTerm(reference[i], candidate[i], max);
  state.sum += sum;
}

absl::Span<const float> Row(ConstMatrix matrix, int64_t row) {
  return absl::MakeConstSpan(matrix.row(row), matrix.cols);
}

}  // namespace

void AccumulateSoftmax(Device& device, ConstMatrix values, int64_t first_column, absl::Span<const uint32_t> targets,
                       absl::Span<SoftmaxState> states) {
#pragma omp parallel for schedule(static) num_threads(device.threads())
  for (int64_t row = 0; row < values.rows; ++row) TakeRow(Row(values, row), first_column, targets[row], states[row]);
}

void AccumulateDivergence(Device& device, ConstMatrix reference, ConstMatrix candidate,
                          absl::Span<DivergenceState> states) {
#pragma omp parallel for schedule(static) num_threads(device.threads())
  for (int64_t row = 0; row < reference.rows; ++row) TakeRow(Row(reference, row), Row(candidate, row), states[row]);
}

}  // namespace nibble::cpu
