// Sums in a fixed order that vectorizes: a binary tree of halves, the same bits at every vector width.
#ifndef NIBBLE_QUANT_BLOCK_FOLD_SUM_H_
#define NIBBLE_QUANT_BLOCK_FOLD_SUM_H_

#include "quant/block/host_device.h"

namespace nibble {

// The sum of N terms, N a power of two; the terms are used up.
template <int N>
NIBBLE_HOST_DEVICE inline float FoldSum(float* terms) {
  if constexpr (N == 1) {
    return terms[0];
  } else {
    for (int i = 0; i < N / 2; ++i) terms[i] += terms[i + N / 2];
    return FoldSum<N / 2>(terms);
  }
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_FOLD_SUM_H_
