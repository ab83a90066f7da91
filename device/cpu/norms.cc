#include <cmath>

#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/device.h"

namespace nibble::cpu {

void RmsNorm(Device& device, ConstMatrix x, const float* weight, float epsilon, Matrix y) {
#pragma omp parallel for schedule(static) num_threads(ThreadsFor(device, x.rows* x.cols))
  for (int64_t row = 0; row < x.rows; ++row) {
    const float* in = x.row(row);
    float* out = y.row(row);
    double squares = 0;
    for (int64_t col = 0; col < x.cols; ++col) squares += static_cast<double>(in[col]) * in[col];
    const float inverse = 1 / std::sqrt(squares / x.cols + epsilon);
    for (int64_t col = 0; col < x.cols; ++col) out[col] = in[col] * inverse * (weight == nullptr ? 1 : weight[col]);
  }
}

void LayerNorm(Device& device, ConstMatrix x, const float* weight, const float* bias, float epsilon, Matrix y) {
#pragma omp parallel for schedule(static) num_threads(ThreadsFor(device, x.rows* x.cols))
  for (int64_t row = 0; row < x.rows; ++row) {
    const float* in = x.row(row);
    float* out = y.row(row);
    double sum = 0;
    for (int64_t col = 0; col < x.cols; ++col) sum += in[col];
    const double mean = sum / x.cols;
    double squares = 0;
    for (int64_t col = 0; col < x.cols; ++col) squares += (in[col] - mean) * (in[col] - mean);
    const double inverse = 1 / std::sqrt(squares / x.cols + epsilon);
    for (int64_t col = 0; col < x.cols; ++col) {
      out[col] = static_cast<float>((in[col] - mean) * inverse) * weight[col] + (bias == nullptr ? 0 : bias[col]);
    }
  }
}

}  // namespace nibble::cpu
