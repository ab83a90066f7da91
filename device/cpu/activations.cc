#include "device/maths/activations.h"

#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/device.h"

namespace nibble::cpu {
namespace {

// gate = f(gate, up).
template <typename Function>
void Combine(Device& device, ConstMatrix up, Matrix gate, Function f) {
#pragma omp parallel for schedule(static) num_threads(ThreadsFor(device, gate.rows* gate.cols))
  for (int64_t i = 0; i < gate.rows * gate.cols; ++i) gate.data[i] = f(gate.data[i], up.data[i]);
}

}  // namespace

void SwiGlu(Device& device, ConstMatrix up, Matrix gate) { Combine(device, up, gate, SwiGluOf); }

void SwiGluClamped(Device& device, float limit, float alpha, ConstMatrix up, Matrix gate) {
  Combine(device, up, gate, [=](float g, float u) { return SwiGluClampedOf(g, u, limit, alpha); });
}

void GeGlu(Device& device, ConstMatrix up, Matrix gate) {
  Combine(device, up, gate, [](float g, float u) { return GeluTanh(g) * u; });
}

void Gelu(Device& device, Matrix x) {
  Combine(device, x, x, [](float value, float) { return GeluTanh(value); });
}

}  // namespace nibble::cpu
