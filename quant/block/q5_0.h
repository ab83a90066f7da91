// Q5_0: 32 values in 22 bytes. value = d * (code - 16)
//
//   offset  bytes
//   0       2   d, half; negative where the value of largest magnitude is positive
//   2       4   bit 4 of the codes: bit i of a little-endian 32-bit number
//   6       16  bits 0 to 3: code i in the low half of byte i, code i + 16 in its high half
#ifndef NIBBLE_QUANT_BLOCK_Q5_0_H_
#define NIBBLE_QUANT_BLOCK_Q5_0_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/five_bits.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/rounding.h"
#include "quant/block/rows.h"

namespace nibble::q5_0 {

struct Block {
  static constexpr int kElements = 32;
  uint16_t d;
  FiveBitCodes codes;
};
static_assert(sizeof(Block) == 22);

inline constexpr int kZero = 16;  // the code of value 0

#include "quant/block/q5_0.inc"

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::q5_0

#endif  // NIBBLE_QUANT_BLOCK_Q5_0_H_
