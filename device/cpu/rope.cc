#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/device.h"

namespace nibble::cpu {
namespace {

// Pair i of a head is (2i, 2i+1), or (i, i + pairs): its first dimension is i * step, its second `gap` further on.
struct Pairs {
  int64_t step;
  int64_t gap;
};

void Rotate(const float* cosine, const float* sine, int64_t pairs, Pairs layout, float* head) {
  for (int64_t i = 0; i < pairs; ++i) {
    float& first = head[i * layout.step];
    float& second = head[i * layout.step + layout.gap];
    const float a = first, b = second;
    first = a * cosine[i] - b * sine[i];
    second = a * sine[i] + b * cosine[i];
  }
}

}  // namespace

void Rope(Device& device, const RopeArguments& arguments, Matrix x) {
  const int64_t positions = arguments.cosine.rows;
  const int64_t pairs = arguments.cosine.cols;
  const int64_t head_length = x.cols / arguments.heads;
  const Pairs layout = arguments.pairing == RopePairing::kInterleaved ? Pairs{2, 1} : Pairs{1, pairs};
  const int threads = ThreadsFor(device, x.rows * x.cols);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t row = 0; row < x.rows; ++row) {
    const float* cosine = arguments.cosine.row(row % positions);
    const float* sine = arguments.sine.row(row % positions);
    for (int64_t head = 0; head < arguments.heads; ++head) {
      Rotate(cosine, sine, pairs, layout, x.row(row) + head * head_length + arguments.first);
    }
  }
}

}  // namespace nibble::cpu
