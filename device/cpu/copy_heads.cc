#include <algorithm>

#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/device.h"

namespace nibble::cpu {

void CopyHeads(Device& device, int64_t heads, bool shared, ConstMatrix x, int64_t first, Matrix y) {
  const int64_t length = shared ? x.cols : x.cols / heads;
  const int64_t step = shared ? 0 : length;
#pragma omp parallel for schedule(static) num_threads(ThreadsFor(device, x.rows* heads* length))
  for (int64_t row = 0; row < x.rows; ++row) {
    for (int64_t head = 0; head < heads; ++head) {
      std::copy_n(x.row(row) + head * step, length, y.row(row) + head * (y.cols / heads) + first);
    }
  }
}

}  // namespace nibble::cpu
