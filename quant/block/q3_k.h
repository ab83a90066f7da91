// Q3_K: 256 values in 110 bytes, sixteen groups of 16. value = d * (scale[group] - 32) * (code - 4). Read only.
//
//   offset  bytes
//   0       32  bit 2 of the codes: of code 32 * k + i, bit k of byte i
//   32      64  bits 0 and 1, 32 bytes for 128 values: of code 32 * k + i, bits 2 k and 2 k + 1 of byte i
//   96      8   bits 0 to 3 of the scales: scale g in the low half of byte g, scale g + 8 in its high half
//   104     4   bits 4 and 5 of the scales: of scale 4 * k + i, bits 2 k and 2 k + 1 of byte i
//   108     2   d, half
#ifndef NIBBLE_QUANT_BLOCK_Q3_K_H_
#define NIBBLE_QUANT_BLOCK_Q3_K_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/bit_planes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"

namespace nibble::q3_k {

struct Block {
  static constexpr int kElements = 256;
  static constexpr int kGroups = 16, kGroup = kElements / kGroups;
  uint8_t high[32];
  uint8_t low[64];
  uint8_t scales_low[8];
  uint8_t scales_high[4];
  uint16_t d;
};
static_assert(sizeof(Block) == 110);

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const float d = HalfToFloat(block.d);
  uint8_t low[Block::kElements], high[Block::kElements], scales_low[Block::kGroups], scales_high[Block::kGroups];
  for (int part = 0; part < 2; ++part) UnpackPlanes<2, 32>(block.low + 32 * part, low + 128 * part);
  UnpackPlanes<1, 32>(block.high, high);
  UnpackPlanes<4, 8>(block.scales_low, scales_low);
  UnpackPlanes<2, 4>(block.scales_high, scales_high);
  for (int g = 0; g < Block::kGroups; ++g) {
    const float scale = d * static_cast<float>((scales_low[g] | scales_high[g] << 4) - 32);
    for (int i = g * Block::kGroup; i < (g + 1) * Block::kGroup; ++i) {
      values[i] = scale * static_cast<float>((low[i] | high[i] << 2) - 4);
    }
  }
}

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);

}  // namespace nibble::q3_k

#endif  // NIBBLE_QUANT_BLOCK_Q3_K_H_
