#include <cmath>

#include "device/cpu/operations.h"
#include "device/device.h"

namespace nibble::cpu {

void RmsNorm(Device& device, ConstMatrix x, const float* weight, float epsilon, Matrix y) {
#pragma omp parallel for schedule(static) num_threads(device.threads())
  for (int64_t row = 0; row < x.rows; ++row) {
    const float* in = x.row(row);
    float* out = y.row(row);
    double squares = 0;
    for (int64_t col = 0; col < x.cols; ++col) squares += static_cast<double>(in[col]) * in[col];
    const float inverse = 1 / std::sqrt(squares / x.cols + epsilon);
    for (int64_t col = 0; col < x.cols; ++col) out[col] = in[col] * inverse * weight[col];
  }
}

}  // namespace nibble::cpu
