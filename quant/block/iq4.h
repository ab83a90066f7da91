// The sixteen unevenly spaced levels that IQ4_NL and IQ4_XS share.
#ifndef NIBBLE_QUANT_BLOCK_IQ4_H_
#define NIBBLE_QUANT_BLOCK_IQ4_H_

#include <cstdint>

#include "quant/block/host_device.h"
#include "quant/block/lanes.h"
#include "quant/block/rounding.h"

namespace nibble {

#define NIBBLE_IQ4_LEVELS \
  { -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113 }

NIBBLE_HOST_DEVICE inline int Iq4Level(uint8_t code) {
  constexpr int8_t kLevels[16] = NIBBLE_IQ4_LEVELS;
  return kLevels[code];
}

#include "quant/block/iq4.inc"

// The code of Iq4Grid::Nearest.
NIBBLE_HOST_DEVICE inline uint8_t Iq4Code(float ratio) {
  int code = 0;
  for (int c = 1; c < 16; ++c) code += ratio >= 0.5f * (Iq4Level(c - 1) + Iq4Level(c));
  return static_cast<uint8_t>(code);
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_IQ4_H_
