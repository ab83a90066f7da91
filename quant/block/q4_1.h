// Q4_1: 32 values in 20 bytes. value = d * code + m
//
//   offset  bytes
//   0       2   d, half
//   2       2   m, half: the value of code 0
//   4       16  codes, four bits: code i in the low half of byte i, code i + 16 in its high half
#ifndef NIBBLE_QUANT_BLOCK_Q4_1_H_
#define NIBBLE_QUANT_BLOCK_Q4_1_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/bit_planes.h"
#include "quant/block/extremes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/rounding.h"
#include "quant/block/rows.h"

namespace nibble::q4_1 {

struct Block {
  static constexpr int kElements = 32;
  uint16_t d, m;
  uint8_t codes[16];
};
static_assert(sizeof(Block) == 20);

inline constexpr int kMaxCode = 15;

#include "quant/block/q4_1.inc"

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::q4_1

#endif  // NIBBLE_QUANT_BLOCK_Q4_1_H_
