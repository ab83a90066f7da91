#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/device.h"

namespace nibble::cpu {

void Add(Device& device, ConstMatrix x, Matrix y) {
#pragma omp parallel for schedule(static) num_threads(ThreadsFor(device, y.rows* y.cols))
  for (int64_t i = 0; i < y.rows * y.cols; ++i) y.data[i] += x.data[i];
}

void ScaleRows(Device& device, const float* factors, int64_t count, Matrix x) {
#pragma omp parallel for schedule(static) num_threads(ThreadsFor(device, x.rows* x.cols))
  for (int64_t row = 0; row < x.rows; ++row) {
    const float factor = factors[row % count];
    for (int64_t col = 0; col < x.cols; ++col) x.row(row)[col] *= factor;
  }
}

}  // namespace nibble::cpu
