// What the plain rules look at: a block's extreme values, and safe reciprocals of the scales made from them.
#ifndef NIBBLE_QUANT_BLOCK_EXTREMES_H_
#define NIBBLE_QUANT_BLOCK_EXTREMES_H_

#include <limits>

#include "quant/block/host_device.h"

namespace nibble {

inline constexpr float kMaxFloat = std::numeric_limits<float>::max();
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

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

// 1 / scale; 0 where that is not finite, so that every value becomes code zero.
NIBBLE_HOST_DEVICE inline float Reciprocal(float scale) {
  const float reciprocal = 1.0f / scale;
  return reciprocal >= -kMaxFloat && reciprocal <= kMaxFloat ? reciprocal : 0.0f;
}

NIBBLE_HOST_DEVICE inline float Clamp(float value, float low, float high) {
  return value < low ? low : value > high ? high : value;
}

// The nearest integer of a value in [-2^22, 2^22], ties to even: beyond that a float has no fraction to keep.
NIBBLE_HOST_DEVICE inline float RoundToEven(float value) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23
  return (value + kShift) - kShift;
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_EXTREMES_H_
