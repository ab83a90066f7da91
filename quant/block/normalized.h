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

  // `weights` null means 1 everywhere. What weighs nothing, a channel that was never active, still counts beside its
  // like: a weight is at least kLeast of the heaviest.
  NIBBLE_HOST_DEVICE Normalized(const float* values, const float* weights) {
    constexpr float kLeast = 0x1p-30f;
    unit = PowerOfTwo(AbsMax(values, N));
    const float inverse = 1.0f / unit;
    for (int i = 0; i < N; ++i) x[i] = values[i] * inverse;
    const float weight_inverse = weights == nullptr ? 0.0f : 1.0f / PowerOfTwo(AbsMax(weights, N));
    for (int i = 0; i < N; ++i) {
      const float weight = weights == nullptr ? 1.0f : weights[i] * weight_inverse;
      w[i] = weight > kLeast ? weight : kLeast;
    }
  }

  // Between a scale or offset of x and the half that stands for it in the block.
  NIBBLE_HOST_DEVICE uint16_t ToHalf(float scale) const { return SaturateToHalf(scale * unit); }
  NIBBLE_HOST_DEVICE float FromHalf(uint16_t half) const { return HalfToFloat(half) / unit; }
};

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_NORMALIZED_H_
