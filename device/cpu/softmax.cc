#include <algorithm>
#include <cmath>

#include "device/cpu/operations.h"
#include "device/device.h"

namespace nibble::cpu {
namespace {

// A sum of exp(x - max) * f keeps its meaning when max rises: everything in it shrinks by the same factor.
template <typename State>
void RaiseMax(double max, State& state) {
  if (max <= state.max) return;
  state.sum *= std::exp(state.max - max);
  state.max = max;
}

void TakeRow(absl::Span<const float> values, int64_t first_column, uint32_t target, SoftmaxState& state) {
  const auto largest = std::max_element(values.begin(), values.end());
  if (*largest > state.max) state.argmax = first_column + (largest - values.begin());
  RaiseMax(*largest, state);
  const float max = state.max;
  double sum = 0;
  for (float value : values) sum += std::exp(value - max);
  state.sum += sum;
  if (target >= first_column && target < first_column + values.size()) {
    state.target_value = values[target - first_column];
  }
}

void TakeRow(absl::Span<const float> reference, absl::Span<const float> candidate, DivergenceState& state) {
  RaiseMax(*std::max_element(reference.begin(), reference.end()), state);
  const float max = state.max;
  double sum = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    sum += std::exp(reference[i] - max) * (static_cast<double>(reference[i]) - candidate[i]);
  }
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
