// Scalar steps of every encoder: a value over its scale, kept in range, to the nearest integer.
#ifndef NIBBLE_QUANT_BLOCK_ROUNDING_H_
#define NIBBLE_QUANT_BLOCK_ROUNDING_H_

#include <limits>

#include "quant/block/host_device.h"

namespace nibble {

inline constexpr float kMaxFloat = std::numeric_limits<float>::max();
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

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

#endif  // NIBBLE_QUANT_BLOCK_ROUNDING_H_
