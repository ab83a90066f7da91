#include <cstdint>
#include <vector>

#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/device.h"
#include "device/maths/route_token.h"

namespace nibble::cpu {

void Route(Device& device, const RouterArguments& arguments, absl::Span<int32_t> experts, absl::Span<float> weights) {
  const ConstMatrix& logits = arguments.logits;
#pragma omp parallel num_threads(ThreadsFor(device, logits.rows* logits.cols* arguments.used))
  {
    std::vector<float> values(2 * logits.cols + arguments.groups);
    std::vector<uint8_t> flags(logits.cols + arguments.groups);
    const RouterScratch scratch = {.gates = values.data(),
                                   .scores = values.data() + logits.cols,
                                   .group_scores = values.data() + 2 * logits.cols,
                                   .taken = flags.data(),
                                   .group_taken = flags.data() + logits.cols};
#pragma omp for schedule(static)
    for (int64_t row = 0; row < logits.rows; ++row) {
      RouteToken(arguments, logits.row(row), scratch, &experts[row * arguments.used], &weights[row * arguments.used]);
    }
  }
}

}  // namespace nibble::cpu
