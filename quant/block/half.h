// IEEE 754 binary16, held as its bits: the scales of most block formats, and format F16.
#ifndef NIBBLE_QUANT_BLOCK_HALF_H_
#define NIBBLE_QUANT_BLOCK_HALF_H_

#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble {

inline constexpr float kMaxHalf = 65504.0f;

// Exact; a NaN keeps its payload.
NIBBLE_HOST_DEVICE inline float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t magnitude = half & 0x7fff;
  uint32_t bits;
  if (magnitude >= 0x7c00) {  // infinity, NaN
    bits = 0x7f800000 | magnitude << 13;
  } else if (magnitude >= 0x0400) {  // normal: the exponent's bias goes from 15 to 127
    bits = (magnitude << 13) + (112u << 23);
  } else {  // zero or denormal: a multiple of 2^-24
    bits = BitCast<uint32_t>(static_cast<float>(magnitude) * 0x1p-24f);
  }
  return BitCast<float>(sign | bits);
}

// Round to nearest, ties to even; beyond the range an infinity, as IEEE has it. A NaN stays one.
NIBBLE_HOST_DEVICE inline uint16_t FloatToHalf(float value) {
  const uint32_t bits = BitCast<uint32_t>(value);
  const uint32_t sign = bits >> 16 & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  uint32_t half;
  if (magnitude > 0x7f800000) {
    half = 0x7e00 | (magnitude >> 13 & 0x3ff);
  } else if (magnitude >= 0x477ff000) {  // 65520: halfway between the largest half and 2^16
    half = 0x7c00;
  } else if (magnitude >= 0x38800000) {  // 2^-14: normal
    const uint32_t rebiased = magnitude - (112u << 23);
    half = (rebiased + 0xfff + (rebiased >> 13 & 1)) >> 13;
  } else {  // next to 0.5 a float's last bit is 2^-24, the unit of the denormals: let the addition round
    half = BitCast<uint32_t>(BitCast<float>(magnitude) + 0.5f) - 0x3f000000;
  }
  return static_cast<uint16_t>(sign | half);
}

// Values beyond the range of half become its ends.
NIBBLE_HOST_DEVICE inline float ClampToHalf(float value) {
  return value > kMaxHalf ? kMaxHalf : value < -kMaxHalf ? -kMaxHalf : value;
}

// The nearest finite half of a finite value.
NIBBLE_HOST_DEVICE inline uint16_t SaturateToHalf(float value) { return FloatToHalf(ClampToHalf(value)); }

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_HALF_H_
