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

namespace nibble::q4_1 {

struct Block {
  static constexpr int kElements = 32;
  uint16_t d, m;
  uint8_t codes[16];
};
static_assert(sizeof(Block) == 20);

inline constexpr int kMaxCode = 15;

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const float d = HalfToFloat(block.d), m = HalfToFloat(block.m);
  uint8_t codes[Block::kElements];
  UnpackPlanes<4, 16>(block.codes, codes);
  for (int i = 0; i < Block::kElements; ++i) values[i] = d * static_cast<float>(codes[i]) + m;
}

// The smallest value becomes code 0, the largest the last; rounded half up against the unrounded scale.
NIBBLE_HOST_DEVICE inline Block PlainBlock(const float* values) {
  const Range range = MinMax(values, Block::kElements);
  const float m = ClampToHalf(range.min);
  const float d = ClampToHalf((range.max - range.min) / kMaxCode);
  const float inverse = Reciprocal(d);
  uint8_t codes[Block::kElements];
  for (int i = 0; i < Block::kElements; ++i) {
    codes[i] = static_cast<uint8_t>(Clamp((values[i] - m) * inverse + 0.5f, 0.0f, kMaxCode));
  }
  Block block;
  block.d = FloatToHalf(d);
  block.m = FloatToHalf(m);
  PackPlanes<4, 16>(codes, block.codes);
  return block;
}

// New codes, one per value; the scales stay.
NIBBLE_HOST_DEVICE inline void SetCodes(const uint8_t* codes, Block& block) { PackPlanes<4, 16>(codes, block.codes); }

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::q4_1

#endif  // NIBBLE_QUANT_BLOCK_Q4_1_H_
