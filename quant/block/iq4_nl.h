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

namespace nibble::iq4_nl {

struct Block {
  static constexpr int kElements = 32;
  uint16_t d;
  uint8_t codes[16];
};
static_assert(sizeof(Block) == 18);

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const float d = HalfToFloat(block.d);
  uint8_t codes[Block::kElements];
  UnpackPlanes<4, 16>(block.codes, codes);
  for (int i = 0; i < Block::kElements; ++i) values[i] = d * static_cast<float>(Iq4Level(codes[i]));
}

// The value of largest magnitude becomes code 0; every code is the nearest for the rounded scale.
NIBBLE_HOST_DEVICE inline Block PlainBlock(const float* values) {
  Block block;
  block.d = SaturateToHalf(SignedMax(values, Block::kElements) / Iq4Grid::kLow);
  const float inverse = Reciprocal(HalfToFloat(block.d));
  uint8_t codes[Block::kElements];
  for (int i = 0; i < Block::kElements; ++i) codes[i] = Iq4Grid::Code(values[i] * inverse);
  PackPlanes<4, 16>(codes, block.codes);
  return block;
}

// New codes, one per value; the scales stay.
NIBBLE_HOST_DEVICE inline void SetCodes(const uint8_t* codes, Block& block) { PackPlanes<4, 16>(codes, block.codes); }

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::iq4_nl

#endif  // NIBBLE_QUANT_BLOCK_IQ4_NL_H_
