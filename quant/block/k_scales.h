// The eight six-bit scales and eight six-bit minima of Q4_K and Q5_K in 12 bytes.
//
//   bytes 0..3   scale 0..3; in their two top bits, bits 4 and 5 of scale 4..7
//   bytes 4..7   min 0..3;   in their two top bits, bits 4 and 5 of min 4..7
//   bytes 8..11  bits 0 to 3 of scale 4..7 in the low half, of min 4..7 in the high half
#ifndef NIBBLE_QUANT_BLOCK_K_SCALES_H_
#define NIBBLE_QUANT_BLOCK_K_SCALES_H_

#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble {

inline constexpr int kMaxKScale = 63;

struct KScales {
  uint8_t bytes[12];
};

NIBBLE_HOST_DEVICE inline uint8_t KScale(const KScales& packed, int g) {
  const uint8_t* b = packed.bytes;
  return static_cast<uint8_t>(g < 4 ? b[g] & 63 : (b[g + 4] & 15) | (b[g - 4] >> 6) << 4);
}

NIBBLE_HOST_DEVICE inline uint8_t KMin(const KScales& packed, int g) {
  const uint8_t* b = packed.bytes;
  return static_cast<uint8_t>(g < 4 ? b[g + 4] & 63 : b[g + 4] >> 4 | (b[g] >> 6) << 4);
}

// REQUIRES: every scale and min is at most kMaxKScale.
NIBBLE_HOST_DEVICE inline KScales PackKScales(const uint8_t* scales, const uint8_t* mins) {
  KScales packed;
  for (int g = 0; g < 4; ++g) {
    packed.bytes[g] = static_cast<uint8_t>(scales[g] | (scales[g + 4] >> 4) << 6);
    packed.bytes[g + 4] = static_cast<uint8_t>(mins[g] | (mins[g + 4] >> 4) << 6);
    packed.bytes[g + 8] = static_cast<uint8_t>((scales[g + 4] & 15) | (mins[g + 4] & 15) << 4);
  }
  return packed;
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_K_SCALES_H_
