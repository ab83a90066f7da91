// The activations of feed-forward layers (contracts: device/operations.h).
#ifndef NIBBLE_DEVICE_MATHS_ACTIVATIONS_H_
#define NIBBLE_DEVICE_MATHS_ACTIVATIONS_H_

#include <math.h>

#include "quant/block/host_device.h"

namespace nibble {

NIBBLE_HOST_DEVICE inline float Sigmoid(float x) { return 1 / (1 + expf(-x)); }

NIBBLE_HOST_DEVICE inline float GeluTanh(float x) {
  constexpr float kRootTwoOverPi = 0.7978845608028654;
  return 0.5f * x * (1 + tanhf(kRootTwoOverPi * (x + 0.044715f * x * x * x)));
}

NIBBLE_HOST_DEVICE inline float SwiGluOf(float gate, float up) { return gate / (1 + expf(-gate)) * up; }

NIBBLE_HOST_DEVICE inline float SwiGluClampedOf(float gate, float up, float limit, float alpha) {
  const float g = limit < gate ? limit : gate;
  const float u = up < -limit ? -limit : limit < up ? limit : up;
  return g * Sigmoid(alpha * g) * (u + 1);
}

}  // namespace nibble

#endif  // NIBBLE_DEVICE_MATHS_ACTIVATIONS_H_
