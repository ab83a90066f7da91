#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/device.h"
#include "device/maths/rotate.h"

namespace nibble::cpu {
void Rope(Device& device, const RopeArguments& arguments, Matrix x) {
  const int64_t positions = arguments.cosine.rows;
  const int64_t pairs = arguments.cosine.cols;
  const int64_t head_length = x.cols / arguments.heads;
  const RopePairs layout = RopePairs::Of(arguments.pairing, pairs);
  const int threads = ThreadsFor(device, x.rows * x.cols);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t row = 0; row < x.rows; ++row) {
    const float* cosine = arguments.cosine.row(row % positions);
    const float* sine = arguments.sine.row(row % positions);
    for (int64_t head = 0; head < arguments.heads; ++head) {
      float* const start = x.row(row) + head * head_length + arguments.first;
      for (int64_t i = 0; i < pairs; ++i) layout.Rotate(cosine[i], sine[i], i, start);
    }
  }
}

}  // namespace nibble::cpu
