#include <algorithm>
#include <cmath>
#include <cstdint>

#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/device.h"
#include "quant/block/host_device.h"
#include "quant/block/magnitude.h"

namespace nibble::cpu {

float LargestMagnitude(Device& device, ConstMatrix values) {
  constexpr int64_t kAtOnce = 1 << 16;
  const int64_t count = values.rows * values.cols;
  uint32_t largest = 0;  // a magnitude's bits: ordered as it is, infinities and NaNs last
#pragma omp parallel for schedule(static) num_threads(ThreadsFor(device, count)) reduction(max : largest)
  for (int64_t first = 0; first < count; first += kAtOnce) {
    const float some = nibble::LargestMagnitude({values.data + first, size_t(std::min(kAtOnce, count - first))});
    largest = std::max(largest, BitCast<uint32_t>(some));
  }
  return BitCast<float>(largest);
}

void DotRows(Device& device, ConstMatrix a, ConstMatrix b, const float* weights, absl::Span<double> sums) {
#pragma omp parallel for schedule(static) num_threads(ThreadsFor(device, a.rows* a.cols))
  for (int64_t row = 0; row < a.rows; ++row) {
    double sum = 0;
    for (int64_t j = 0; j < a.cols; ++j) {
      sum += (weights == nullptr ? 1.0 : static_cast<double>(weights[j])) * a.row(row)[j] * b.row(row)[j];
    }
    sums[row] = sum;
  }
}

}  // namespace nibble::cpu
