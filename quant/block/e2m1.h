// E2M1, the four-bit float of MXFP4 and NVFP4: a sign, two bits of exponent, one of mantissa. The values
// 0 0.5 1 1.5 2 3 4 6 are kept doubled, as integers; scales are halved in return (scale_code.h).
#ifndef NIBBLE_QUANT_BLOCK_E2M1_H_
#define NIBBLE_QUANT_BLOCK_E2M1_H_

#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble {

// The doubled magnitude of the largest code.
inline constexpr float kMaxE2M1 = 12.0f;

// The doubled values of all codes.
#define NIBBLE_E2M1_LEVELS \
  { 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12 }

// The doubled value of a code; both zeros are 0.
NIBBLE_HOST_DEVICE inline int DoubledE2M1(uint8_t code) {
  constexpr int8_t kValues[16] = NIBBLE_E2M1_LEVELS;
  return kValues[code];
}

// The code nearest to value / scale, `scale` being the halved one (> 0). Ties go to zero, and so do the zeros: code 8,
// a negative zero, is never made. All products are exact.
NIBBLE_HOST_DEVICE inline uint8_t NearestE2M1(float value, float scale) {
  const float magnitude = value < 0 ? -value : value;
  const int code = (magnitude > 0.5f * scale) + (magnitude > 1.5f * scale) + (magnitude > 2.5f * scale) +
                   (magnitude > 3.5f * scale) + (magnitude > 5.0f * scale) + (magnitude > 7.0f * scale) +
                   (magnitude > 10.0f * scale);
  return static_cast<uint8_t>(code | (value < 0 && code > 0 ? 8 : 0));
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_E2M1_H_
