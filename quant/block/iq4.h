// The sixteen unevenly spaced levels that IQ4_NL and IQ4_XS share.
#ifndef NIBBLE_QUANT_BLOCK_IQ4_H_
#define NIBBLE_QUANT_BLOCK_IQ4_H_

#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble {

// The outermost level, where a plain rule puts a block's largest value.
inline constexpr float kIq4Extreme = -127.0f;

NIBBLE_HOST_DEVICE inline int Iq4Level(uint8_t code) {
  constexpr int8_t kLevels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  return kLevels[code];
}

// The code whose level is nearest to `ratio` (a value over its scale); halfway between two levels, the upper one.
NIBBLE_HOST_DEVICE inline uint8_t NearestIq4(float ratio) {
  constexpr float kMidpoints[15] = {-115.5f, -93.5f, -74.0f, -57.0f, -42.0f, -28.5f, -16.0f, -4.5f,
                                    7.0f,    19.0f,  31.5f,  45.5f,  61.0f,  79.0f,  101.0f};
  int code = 0;
  for (float midpoint : kMidpoints) code += ratio >= midpoint;
  return static_cast<uint8_t>(code);
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_IQ4_H_
