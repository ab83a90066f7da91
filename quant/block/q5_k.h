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

#include "quant/block/q5_k.inc"

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::q5_k

#endif  // NIBBLE_QUANT_BLOCK_Q5_K_H_
