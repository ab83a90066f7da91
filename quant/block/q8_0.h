// Q8_0: 32 values in 34 bytes. value = d * code
//
//   offset  bytes
//   0       2   d, half
//   2       32  codes, int8
#ifndef NIBBLE_QUANT_BLOCK_Q8_0_H_
#define NIBBLE_QUANT_BLOCK_Q8_0_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/rounding.h"
#include "quant/block/rows.h"

namespace nibble::q8_0 {

struct Block {
  static constexpr int kElements = 32;
  uint16_t d;
  int8_t codes[32];
};
static_assert(sizeof(Block) == 34);

inline constexpr int kMaxCode = 127;  // -128 can be decoded but is not made

#include "quant/block/q8_0.inc"

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::q8_0

#endif  // NIBBLE_QUANT_BLOCK_Q8_0_H_
