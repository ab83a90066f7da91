// A block as the searches see it: values and weights scaled by powers of two to about 1, so that no sum over- or
// underflows whatever the block holds. The scaling is exact, so what is best for it is best for the block.
#ifndef NIBBLE_QUANT_BLOCK_NORMALIZED_H_
#define NIBBLE_QUANT_BLOCK_NORMALIZED_H_

#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"

namespace nibble {

// The power of two at or below a value >= 0, kept where it and its reciprocal are normal floats.
NIBBLE_HOST_DEVICE inline float PowerOfTwo(float value) {
  const uint32_t exponent = BitCast<uint32_t>(value) >> 23;
  return BitCast<float>((exponent < 1 ? 1 : exponent > 253 ? 253 : exponent) << 23);
}

template <int N>
struct Normalized {
  float x[N], w[N];
  float unit;  // values[i] = x[i] * unit

  // `weights` null, or zero throughout, means 1 everywhere.
  NIBBLE_HOST_DEVICE Normalized(const float* values, const float* weights) {
    unit = PowerOfTwo(AbsMax(values, N));
    const float inverse = 1.0f / unit;
    for (int i = 0; i < N; ++i) x[i] = values[i] * inverse;
    const float heaviest = weights == nullptr ? 0.0f : AbsMax(weights, N);
    if (heaviest == 0) {
      for (int i = 0; i < N; ++i) w[i] = 1.0f;
    } else {
      const float weight_inverse = 1.0f / PowerOfTwo(heaviest);
      for (int i = 0; i < N; ++i) w[i] = weights[i] * weight_inverse;
    }
  }

  // Between a scale or offset of x and the half that stands for it in the block.
  NIBBLE_HOST_DEVICE uint16_t ToHalf(float scale) const { return SaturateToHalf(scale * unit); }
  NIBBLE_HOST_DEVICE float FromHalf(uint16_t half) const { return HalfToFloat(half) / unit; }
};

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_NORMALIZED_H_
