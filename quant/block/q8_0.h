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

namespace nibble::q8_0 {

struct Block {
  static constexpr int kElements = 32;
  uint16_t d;
  int8_t codes[32];
};
static_assert(sizeof(Block) == 34);

inline constexpr int kMaxCode = 127;  // -128 can be decoded but is not made

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const float d = HalfToFloat(block.d);
  for (int i = 0; i < Block::kElements; ++i) values[i] = d * static_cast<float>(block.codes[i]);
}

// The largest magnitude becomes code 127 or -127; the others round half away from zero against the unrounded scale.
NIBBLE_HOST_DEVICE inline Block PlainBlock(const float* values) {
  const float d = ClampToHalf(AbsMax(values, Block::kElements) / kMaxCode);
  const float inverse = Reciprocal(d);
  Block block;
  block.d = FloatToHalf(d);
  for (int i = 0; i < Block::kElements; ++i) {
    block.codes[i] = static_cast<int8_t>(roundf(Clamp(values[i] * inverse, -kMaxCode, kMaxCode)));
  }
  return block;
}

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::q8_0

#endif  // NIBBLE_QUANT_BLOCK_Q8_0_H_
