// The steps of a softmax over a row in pieces (SoftmaxState and DivergenceState, device/operations.h).
#ifndef NIBBLE_DEVICE_MATHS_SOFTMAX_STATE_H_
#define NIBBLE_DEVICE_MATHS_SOFTMAX_STATE_H_

#include <math.h>

#include <cstdint>

#include "device/operations.h"
#include "quant/block/host_device.h"

namespace nibble {

// A sum of exp(x - max) * f keeps its meaning when max rises: everything in it shrinks by the same factor.
template <typename State>
NIBBLE_HOST_DEVICE inline void RaiseMax(double max, State& state) {
  if (max <= state.max) return;
  state.sum *= exp(state.max - max);
  state.max = max;
}

// The piece begins at `first_column` and its first largest value is `max`, its `at`th.
NIBBLE_HOST_DEVICE inline void TakeMax(float max, int64_t at, int64_t first_column, SoftmaxState& state) {
  if (max > state.max) state.argmax = static_cast<uint32_t>(first_column + at);
  RaiseMax(max, state);
}

NIBBLE_HOST_DEVICE inline void TakeTarget(const float* values, int64_t count, int64_t first_column, uint32_t target,
                                          SoftmaxState& state) {
  if (target >= first_column && target < first_column + count) state.target_value = values[target - first_column];
}

// What one value adds to the sums; `max` is the state's.
NIBBLE_HOST_DEVICE inline double SoftmaxTerm(float value, float max) { return expf(value - max); }
NIBBLE_HOST_DEVICE inline double DivergenceTerm(float reference, float candidate, float max) {
  return expf(reference - max) * (static_cast<double>(reference) - candidate);
}

}  // namespace nibble

#endif  // NIBBLE_DEVICE_MATHS_SOFTMAX_STATE_H_
