// Q4_0: 32 values in 18 bytes. value = d * (code - 8)
//
//   offset  bytes
//   0       2   d, half; negative where the value of largest magnitude is positive
//   2       16  codes, four bits: code i in the low half of byte i, code i + 16 in its high half
#ifndef NIBBLE_QUANT_BLOCK_Q4_0_H_
#define NIBBLE_QUANT_BLOCK_Q4_0_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/bit_planes.h"
#include "quant/block/extremes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/rounding.h"

namespace nibble::q4_0 {

struct Block {
  static constexpr int kElements = 32;
  uint16_t d;
  uint8_t codes[16];
};
static_assert(sizeof(Block) == 18);

inline constexpr int kZero = 8;  // the code of value 0

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const float d = HalfToFloat(block.d);
  uint8_t codes[Block::kElements];
  UnpackPlanes<4, 16>(block.codes, codes);
  for (int i = 0; i < Block::kElements; ++i) values[i] = d * static_cast<float>(codes[i] - kZero);
}

// The value of largest magnitude becomes code 0, that is -8 d; the others round half up against the unrounded scale.
NIBBLE_HOST_DEVICE inline Block PlainBlock(const float* values) {
  const float d = ClampToHalf(SignedMax(values, Block::kElements) / -8);
  const float inverse = Reciprocal(d);
  uint8_t codes[Block::kElements];
  for (int i = 0; i < Block::kElements; ++i) {
    codes[i] = static_cast<uint8_t>(Clamp(values[i] * inverse + 8.5f, 0.0f, 15.0f));
  }
  Block block;
  block.d = FloatToHalf(d);
  PackPlanes<4, 16>(codes, block.codes);
  return block;
}

// New codes, one per value; the scales stay.
NIBBLE_HOST_DEVICE inline void SetCodes(const uint8_t* codes, Block& block) { PackPlanes<4, 16>(codes, block.codes); }

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::q4_0

#endif  // NIBBLE_QUANT_BLOCK_Q4_0_H_
