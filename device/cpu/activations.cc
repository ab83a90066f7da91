#include <algorithm>
#include <cmath>

#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/device.h"

namespace nibble::cpu {
namespace {

float Sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

float GeluTanh(float x) {
  constexpr float kRootTwoOverPi = 0.7978845608028654;
  return 0.5f * x * (1 + std::tanh(kRootTwoOverPi * (x + 0.044715f * x * x * x)));
}

// gate = f(gate, up).
template <typename Function>
void Combine(Device& device, ConstMatrix up, Matrix gate, Function f) {
#pragma omp parallel for schedule(static) num_threads(ThreadsFor(device, gate.rows* gate.cols))
  for (int64_t i = 0; i < gate.rows * gate.cols; ++i) gate.data[i] = f(gate.data[i], up.data[i]);
}

}  // namespace

void SwiGlu(Device& device, ConstMatrix up, Matrix gate) {
  Combine(device, up, gate, [](float g, float u) { return g / (1 + std::exp(-g)) * u; });
}

void SwiGluClamped(Device& device, float limit, float alpha, ConstMatrix up, Matrix gate) {
  Combine(device, up, gate, [=](float gate, float up) {
    const float g = std::min(gate, limit);
    return g * Sigmoid(alpha * g) * (std::clamp(up, -limit, limit) + 1);
  });
}

void GeGlu(Device& device, ConstMatrix up, Matrix gate) {
  Combine(device, up, gate, [](float g, float u) { return GeluTanh(g) * u; });
}

void Gelu(Device& device, Matrix x) {
  Combine(device, x, x, [](float value, float) { return GeluTanh(value); });
}

}  // namespace nibble::cpu
