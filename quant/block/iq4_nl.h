// IQ4_NL: 32 values in 18 bytes. value = d * level[code], sixteen uneven levels (iq4.h)
//
//   offset  bytes
//   0       2   d, half; negative where the value of largest magnitude is positive
//   2       16  codes, four bits: code i in the low half of byte i, code i + 16 in its high half
#ifndef NIBBLE_QUANT_BLOCK_IQ4_NL_H_
#define NIBBLE_QUANT_BLOCK_IQ4_NL_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/bit_planes.h"
#include "quant/block/extremes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/iq4.h"
#include "quant/block/rounding.h"
#include "quant/block/rows.h"

namespace nibble::iq4_nl {

struct Block {
  static constexpr int kElements = 32;
  uint16_t d;
  uint8_t codes[16];
};
static_assert(sizeof(Block) == 18);

#include "quant/block/iq4_nl.inc"

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::iq4_nl

#endif  // NIBBLE_QUANT_BLOCK_IQ4_NL_H_
