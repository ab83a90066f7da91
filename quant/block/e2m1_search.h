// Choosing among the few scales that a microscaling format has: what E2M1 codes lose at each.
#ifndef NIBBLE_QUANT_BLOCK_E2M1_SEARCH_H_
#define NIBBLE_QUANT_BLOCK_E2M1_SEARCH_H_

#include "quant/block/e2m1.h"
#include "quant/block/fold_sum.h"
#include "quant/block/host_device.h"

namespace nibble {

struct E2M1Fit {
  float error;    // sum w (x - scale * level)^2
  float clipped;  // the part of values beyond the largest level: a lower scale loses at least as much
};

// `scale` is the halved one (scale_code.h).
template <int N>
NIBBLE_HOST_DEVICE inline E2M1Fit RoundAtE2M1(const float* x, const float* w, float scale) {
  float errors[N], clipped[N];
  for (int i = 0; i < N; ++i) {
    const float magnitude = x[i] < 0 ? -x[i] : x[i];
    float level = 0;
    level += magnitude > 0.5f * scale ? 1.0f : 0.0f;
    level += magnitude > 1.5f * scale ? 1.0f : 0.0f;
    level += magnitude > 2.5f * scale ? 1.0f : 0.0f;
    level += magnitude > 3.5f * scale ? 1.0f : 0.0f;
    level += magnitude > 5.0f * scale ? 2.0f : 0.0f;
    level += magnitude > 7.0f * scale ? 2.0f : 0.0f;
    level += magnitude > 10.0f * scale ? 4.0f : 0.0f;
    const float rest = magnitude - scale * level;
    errors[i] = w[i] * rest * rest;
    clipped[i] = magnitude > kMaxE2M1 * scale ? errors[i] : 0.0f;
  }
  return {FoldSum<N>(errors), FoldSum<N>(clipped)};
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_E2M1_SEARCH_H_
