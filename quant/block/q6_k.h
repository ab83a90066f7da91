// Q6_K: 256 values in 210 bytes, sixteen groups of 16. value = d * scale[group] * (code - 32)
//
//   offset  bytes
//   0       128  bits 0 to 3 of the codes, 64 bytes for 128 values: code i in the low half of byte i, code i + 64 in
//   its
//                high half
//   128     64   bits 4 and 5, 32 bytes for 128 values: of code 32 * k + i, bits 2 k and 2 k + 1 of byte i
//   192     16   scales, int8
//   208     2    d, half
#ifndef NIBBLE_QUANT_BLOCK_Q6_K_H_
#define NIBBLE_QUANT_BLOCK_Q6_K_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/bit_planes.h"
#include "quant/block/extremes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/rounding.h"
#include "quant/block/rows.h"

namespace nibble::q6_k {

struct Block {
  static constexpr int kElements = 256;
  static constexpr int kGroups = 16, kGroup = kElements / kGroups;
  uint8_t low[128];
  uint8_t high[64];
  int8_t scales[kGroups];
  uint16_t d;
};
static_assert(sizeof(Block) == 210);

inline constexpr int kZero = 32;  // the code of value 0
inline constexpr int kMinScale = -128, kMaxScale = 127;

#include "quant/block/q6_k.inc"

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::q6_k

#endif  // NIBBLE_QUANT_BLOCK_Q6_K_H_
