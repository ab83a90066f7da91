// Rotary position embedding, one pair of dimensions at a time (contract: device/operations.h).
#ifndef NIBBLE_DEVICE_MATHS_ROTATE_H_
#define NIBBLE_DEVICE_MATHS_ROTATE_H_

#include <cstdint>

#include "device/operations.h"
#include "quant/block/host_device.h"

namespace nibble {

// Pair i of a head is (2i, 2i+1), or (i, i + pairs): its first dimension is i * step, its second `gap` further on.
struct RopePairs {
  NIBBLE_HOST_DEVICE static RopePairs Of(RopePairing pairing, int64_t pairs) {
    return pairing == RopePairing::kInterleaved ? RopePairs{2, 1} : RopePairs{1, pairs};
  }

  NIBBLE_HOST_DEVICE void Rotate(float cosine, float sine, int64_t pair, float* head) const {
    float* const first = head + pair * step;
    const float a = first[0], b = first[gap];
    first[0] = a * cosine - b * sine;
    first[gap] = a * sine + b * cosine;
  }

  int64_t step;
  int64_t gap;
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_MATHS_ROTATE_H_
