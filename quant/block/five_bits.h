// The 32 five-bit codes of Q5_0 and Q5_1.
#ifndef NIBBLE_QUANT_BLOCK_FIVE_BITS_H_
#define NIBBLE_QUANT_BLOCK_FIVE_BITS_H_

#include <cstdint>

#include "quant/block/bit_planes.h"
#include "quant/block/host_device.h"

namespace nibble {

struct FiveBitCodes {
  uint8_t high[4];  // bit 4: bit i of a little-endian 32-bit number
  uint8_t low[16];  // bits 0 to 3: code i in the low half of byte i, code i + 16 in its high half
};
static_assert(sizeof(FiveBitCodes) == 20);

NIBBLE_HOST_DEVICE inline void Unpack(const FiveBitCodes& packed, uint8_t* codes) {
  UnpackPlanes<4, 16>(packed.low, codes);
  for (int i = 0; i < 32; ++i) codes[i] |= static_cast<uint8_t>((packed.high[i / 8] >> (i % 8) & 1) << 4);
}

NIBBLE_HOST_DEVICE inline FiveBitCodes PackFiveBits(const uint8_t* codes) {
  FiveBitCodes packed = {};
  uint8_t low[32];
  for (int i = 0; i < 32; ++i) {
    low[i] = codes[i] & 15;
    packed.high[i / 8] |= static_cast<uint8_t>((codes[i] >> 4) << (i % 8));
  }
  PackPlanes<4, 16>(low, packed.low);
  return packed;
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_FIVE_BITS_H_
