#include <cmath>

#include "device/cpu/operations.h"
#include "device/device.h"

namespace nibble::cpu {

void Add(Device& device, ConstMatrix x, Matrix y) {
#pragma omp parallel for schedule(static) num_threads(device.threads())
  for (int64_t i = 0; i < y.rows * y.cols; ++i) y.data[i] += x.data[i];
}

void SwiGlu(Device& device, ConstMatrix up, Matrix gate) {
#pragma omp parallel for schedule(static) num_threads(device.threads())
  for (int64_t i = 0; i < gate.rows * gate.cols; ++i) {
    const float x = gate.data[i];
    gate.data[i] = x / (1 + std::exp(-x)) * up.data[i];
  }
}

}  // namespace nibble::cpu
