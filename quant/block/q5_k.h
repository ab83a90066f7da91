// Q5_K: 256 values in 176 bytes, eight groups of 32. value = d * scale[group] * code - dmin * min[group]
//
//   offset  bytes
//   0       2    d, half
//   2       2    dmin, half
//   4       12   eight scales and eight minima of six bits (k_scales.h)
//   16      32   bit 4 of the codes: of code 32 * g + i, bit g of byte i
//   48      128  bits 0 to 3, 32 bytes for 64 values: code i in the low half of byte i, code i + 32 in its high half
#ifndef NIBBLE_QUANT_BLOCK_Q5_K_H_
#define NIBBLE_QUANT_BLOCK_Q5_K_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/bit_planes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/k_affine.h"
#include "quant/block/k_scales.h"

namespace nibble::q5_k {

struct Block {
  static constexpr int kElements = 256;
  uint16_t d, dmin;
  KScales scales;
  uint8_t high[32];
  uint8_t low[128];
};
static_assert(sizeof(Block) == 176);

inline constexpr int kMaxCode = 31;

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const float d = HalfToFloat(block.d), dmin = HalfToFloat(block.dmin);
  uint8_t codes[Block::kElements], high[Block::kElements];
  for (int part = 0; part < 4; ++part) UnpackPlanes<4, 32>(block.low + 32 * part, codes + 64 * part);
  UnpackPlanes<1, 32>(block.high, high);
  for (int i = 0; i < Block::kElements; ++i) codes[i] |= static_cast<uint8_t>(high[i] << 4);
  DecodeKAffine(d, dmin, block.scales, codes, values);
}

// New codes, one per value; the scales stay.
NIBBLE_HOST_DEVICE inline void SetCodes(const uint8_t* codes, Block& block) {
  uint8_t low[Block::kElements], high[Block::kElements];
  for (int i = 0; i < Block::kElements; ++i) {
    low[i] = codes[i] & 15;
    high[i] = codes[i] >> 4;
  }
  for (int part = 0; part < 4; ++part) PackPlanes<4, 32>(low + 64 * part, block.low + 32 * part);
  PackPlanes<1, 32>(high, block.high);
}

NIBBLE_HOST_DEVICE inline Block PackBlock(const KAffine& fit) {
  Block block;
  block.d = fit.d;
  block.dmin = fit.dmin;
  block.scales = PackKScales(fit.scales, fit.mins);
  SetCodes(fit.codes, block);
  return block;
}

NIBBLE_HOST_DEVICE inline Block PlainBlock(const float* values) { return PackBlock(PlainKAffine<kMaxCode>(values)); }

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::q5_k

#endif  // NIBBLE_QUANT_BLOCK_Q5_K_H_
