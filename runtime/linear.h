// Every product of activations with weights of a layer.
#ifndef NIBBLE_RUNTIME_LINEAR_H_
#define NIBBLE_RUNTIME_LINEAR_H_

#include <cstdint>

#include "device/device.h"
#include "model/role.h"
#include "runtime/tap.h"
#include "runtime/weights.h"

namespace nibble {

// y = x w^T + bias, where w are the weight's rows [first, first + y.cols). `bias` [y.cols] or null. False if the tap
// does without y.
inline bool Linear(Device& device, const Weights& weights, Role role, const float* bias, ConstMatrix x, Matrix y,
                   int64_t first = 0) {
  Tap* const tap = weights.tap();
  if (tap != nullptr && first == 0) tap->See(role, weights.slice(), x);
  if (tap != nullptr && !tap->Needs(role)) return false;
  device.operations().linear(device, x, weights.matrix(role).Rows(first, first + y.cols), bias, y);
  return true;
}

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_LINEAR_H_
