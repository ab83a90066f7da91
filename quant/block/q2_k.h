// Q2_K: 256 values in 84 bytes, sixteen groups of 16. value = d * scale[group] * code - dmin * min[group]. Read only.
//
//   offset  bytes
//   0       16  scales in the low half, minima in the high half of byte `group`
//   16      64  codes, two bits, 32 bytes for 128 values: of code 32 * k + i, bits 2 k and 2 k + 1 of byte i
//   80      2   d, half
//   82      2   dmin, half
#ifndef NIBBLE_QUANT_BLOCK_Q2_K_H_
#define NIBBLE_QUANT_BLOCK_Q2_K_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/bit_planes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"

namespace nibble::q2_k {

struct Block {
  static constexpr int kElements = 256;
  static constexpr int kGroups = 16, kGroup = kElements / kGroups;
  uint8_t scales[kGroups];
  uint8_t codes[64];
  uint16_t d, dmin;
};
static_assert(sizeof(Block) == 84);

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const float d = HalfToFloat(block.d), dmin = HalfToFloat(block.dmin);
  uint8_t codes[Block::kElements];
  for (int part = 0; part < 2; ++part) UnpackPlanes<2, 32>(block.codes + 32 * part, codes + 128 * part);
  for (int g = 0; g < Block::kGroups; ++g) {
    const float scale = d * static_cast<float>(block.scales[g] & 15);
    const float min = dmin * static_cast<float>(block.scales[g] >> 4);
    for (int i = g * Block::kGroup; i < (g + 1) * Block::kGroup; ++i) {
      values[i] = scale * static_cast<float>(codes[i]) - min;
    }
  }
}

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);

}  // namespace nibble::q2_k

#endif  // NIBBLE_QUANT_BLOCK_Q2_K_H_
