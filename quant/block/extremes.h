// A block's extreme values: what the plain rules make their scales of, and where the searches start.
#ifndef NIBBLE_QUANT_BLOCK_EXTREMES_H_
#define NIBBLE_QUANT_BLOCK_EXTREMES_H_

#include "quant/block/host_device.h"

namespace nibble {

struct Range {
  float min, max;
};

NIBBLE_HOST_DEVICE inline Range MinMax(const float* values, int n) {
  Range range = {values[0], values[0]};
  for (int i = 1; i < n; ++i) {
    range.min = values[i] < range.min ? values[i] : range.min;
    range.max = values[i] > range.max ? values[i] : range.max;
  }
  return range;
}

// The value of the largest magnitude, with its sign; the first of several. 0 for a block of zeros.
NIBBLE_HOST_DEVICE inline float SignedMax(const float* values, int n) {
  float largest = 0, magnitude = 0;
  for (int i = 0; i < n; ++i) {
    const float m = values[i] < 0 ? -values[i] : values[i];
    if (m > magnitude) {
      magnitude = m;
      largest = values[i];
    }
  }
  return largest;
}

NIBBLE_HOST_DEVICE inline float AbsMax(const float* values, int n) {
  const float largest = SignedMax(values, n);
  return largest < 0 ? -largest : largest;
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_EXTREMES_H_
