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

namespace nibble::q5_0 {

struct Block {
  static constexpr int kElements = 32;
  uint16_t d;
  FiveBitCodes codes;
};
static_assert(sizeof(Block) == 22);

inline constexpr int kZero = 16;  // the code of value 0

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const float d = HalfToFloat(block.d);
  uint8_t codes[Block::kElements];
  Unpack(block.codes, codes);
  for (int i = 0; i < Block::kElements; ++i) values[i] = d * static_cast<float>(codes[i] - kZero);
}

// The value of largest magnitude becomes code 0, that is -16 d; the others round half up against the unrounded scale.
NIBBLE_HOST_DEVICE inline Block PlainBlock(const float* values) {
  const float d = ClampToHalf(SignedMax(values, Block::kElements) / -16);
  const float inverse = Reciprocal(d);
  uint8_t codes[Block::kElements];
  for (int i = 0; i < Block::kElements; ++i) {
    codes[i] = static_cast<uint8_t>(Clamp(values[i] * inverse + 16.5f, 0.0f, 31.0f));
  }
  return {FloatToHalf(d), PackFiveBits(codes)};
}

// New codes, one per value; the scales stay.
NIBBLE_HOST_DEVICE inline void SetCodes(const uint8_t* codes, Block& block) { block.codes = PackFiveBits(codes); }

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::q5_0

#endif  // NIBBLE_QUANT_BLOCK_Q5_0_H_
