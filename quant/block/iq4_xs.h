// IQ4_XS: 256 values in 136 bytes, eight groups of 32. value = d * (scale[group] - 32) * level[code], sixteen uneven
// levels (iq4.h)
//
//   offset  bytes
//   0       2    d, half
//   2       2    bits 4 and 5 of the scales: of scale g, bits 2 g and 2 g + 1 of a little-endian 16-bit number
//   4       4    bits 0 to 3 of the scales: of scale g, low (even g) or high half of byte g / 2
//   8       128  codes, four bits, 16 bytes a group: code i in the low half of byte i, code i + 16 in its high half
#ifndef NIBBLE_QUANT_BLOCK_IQ4_XS_H_
#define NIBBLE_QUANT_BLOCK_IQ4_XS_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/bit_planes.h"
#include "quant/block/extremes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/iq4.h"
#include "quant/block/rounding.h"
#include "quant/block/rows.h"

namespace nibble::iq4_xs {

struct Block {
  static constexpr int kElements = 256;
  static constexpr int kGroups = 8, kGroup = kElements / kGroups;
  uint16_t d;
  uint16_t scales_high;
  uint8_t scales_low[kGroups / 2];
  uint8_t codes[kGroups][kGroup / 2];
};
static_assert(sizeof(Block) == 136);

inline constexpr int kMinScale = -32, kMaxScale = 31;

// The signed scale of a group.
NIBBLE_HOST_DEVICE inline int Scale(const Block& block, int g) {
  const int low = block.scales_low[g / 2] >> (4 * (g % 2)) & 15;
  const int high = block.scales_high >> (2 * g) & 3;
  return (low | high << 4) + kMinScale;
}

// REQUIRES: every scale is in [kMinScale, kMaxScale].
NIBBLE_HOST_DEVICE inline void PackScales(const int* scales, Block& block) {
  block.scales_high = 0;
  for (int g = 0; g < Block::kGroups; ++g) {
    const int code = scales[g] - kMinScale;
    const int low = (code & 15) << (4 * (g % 2));
    block.scales_low[g / 2] = static_cast<uint8_t>(g % 2 == 0 ? low : block.scales_low[g / 2] | low);
    block.scales_high |= static_cast<uint16_t>((code >> 4) << (2 * g));
  }
}

#include "quant/block/iq4_xs.inc"

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::iq4_xs

#endif  // NIBBLE_QUANT_BLOCK_IQ4_XS_H_
