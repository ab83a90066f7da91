// What Q4_K and Q5_K have in common: 256 values as eight groups of 32 with a six-bit scale and minimum each.
#ifndef NIBBLE_QUANT_BLOCK_K_AFFINE_H_
#define NIBBLE_QUANT_BLOCK_K_AFFINE_H_

#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/k_scales.h"
#include "quant/block/rounding.h"

namespace nibble {

// A block before it is packed: value = d * scale[group] * code - dmin * min[group].
struct KAffine {
  static constexpr int kGroups = 8, kGroup = 32, kElements = kGroups * kGroup;
  uint16_t d, dmin;  // halves
  uint8_t scales[kGroups], mins[kGroups];
  uint8_t codes[kElements];
};

NIBBLE_HOST_DEVICE inline void DecodeKAffine(float d, float dmin, const KScales& scales, const uint8_t* codes,
                                             float* values) {
  for (int g = 0; g < KAffine::kGroups; ++g, codes += KAffine::kGroup, values += KAffine::kGroup) {
    const float scale = d * static_cast<float>(KScale(scales, g));
    const float min = dmin * static_cast<float>(KMin(scales, g));
    for (int i = 0; i < KAffine::kGroup; ++i) values[i] = scale * static_cast<float>(codes[i]) - min;
  }
}

// Every code becomes the nearest for the block's scales and minima.
template <int kMaxCode>
NIBBLE_HOST_DEVICE inline void RoundKAffine(const float* values, KAffine& block) {
  const float d = HalfToFloat(block.d), dmin = HalfToFloat(block.dmin);
  for (int g = 0; g < KAffine::kGroups; ++g) {
    const float inverse = Reciprocal(d * static_cast<float>(block.scales[g]));
    const float min = dmin * static_cast<float>(block.mins[g]);
    for (int i = g * KAffine::kGroup; i < (g + 1) * KAffine::kGroup; ++i) {
      block.codes[i] = static_cast<uint8_t>(RoundToEven(Clamp((values[i] + min) * inverse, 0, kMaxCode)));
    }
  }
}

// The plain rule: a group's codes span from its smallest value (at most 0) to its largest.
template <int kMaxCode>
NIBBLE_HOST_DEVICE inline KAffine PlainKAffine(const float* values) {
  float scales[KAffine::kGroups], mins[KAffine::kGroups];
  for (int g = 0; g < KAffine::kGroups; ++g) {
    const Range range = MinMax(values + g * KAffine::kGroup, KAffine::kGroup);
    mins[g] = range.min < 0 ? -range.min : 0.0f;
    scales[g] = range.max / kMaxCode + mins[g] / kMaxCode;
  }
  KAffine block;
  block.d = SaturateToHalf(AbsMax(scales, KAffine::kGroups) / kMaxKScale);
  block.dmin = SaturateToHalf(AbsMax(mins, KAffine::kGroups) / kMaxKScale);
  const float inverse = Reciprocal(HalfToFloat(block.d)), inverse_min = Reciprocal(HalfToFloat(block.dmin));
  for (int g = 0; g < KAffine::kGroups; ++g) {
    block.scales[g] = static_cast<uint8_t>(RoundToEven(Clamp(scales[g] * inverse, 0, kMaxKScale)));
    block.mins[g] = static_cast<uint8_t>(RoundToEven(Clamp(mins[g] * inverse_min, 0, kMaxKScale)));
  }
  RoundKAffine<kMaxCode>(values, block);
  return block;
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_K_AFFINE_H_
