// The sixteen unevenly spaced levels that IQ4_NL and IQ4_XS share.
#ifndef NIBBLE_QUANT_BLOCK_IQ4_H_
#define NIBBLE_QUANT_BLOCK_IQ4_H_

#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble {

NIBBLE_HOST_DEVICE inline int Iq4Level(uint8_t code) {
  constexpr int8_t kLevels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  return kLevels[code];
}

// A grid for the scale searches (grid.h). Halfway between two levels the upper one is the nearest.
struct Iq4Grid {
  static constexpr float kLow = -127, kHigh = 113;
  static constexpr float kFirstRatio = 0.5f, kRatioStep = 0.04f;
  static constexpr int kRatios = 16;

  // Each level is the one below it plus a step, where the ratio has passed their midpoint.
  NIBBLE_HOST_DEVICE static float Nearest(float ratio) {
    float level = kLow;
    for (int code = 1; code < 16; ++code) {
      const int below = Iq4Level(code - 1), above = Iq4Level(code);
      level += ratio >= 0.5f * (below + above) ? static_cast<float>(above - below) : 0.0f;
    }
    return level;
  }
  NIBBLE_HOST_DEVICE static uint8_t Code(float ratio) {
    int code = 0;
    for (int c = 1; c < 16; ++c) code += ratio >= 0.5f * (Iq4Level(c - 1) + Iq4Level(c));
    return static_cast<uint8_t>(code);
  }
};

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_IQ4_H_
