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

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const float d = HalfToFloat(block.d);
  uint8_t low[Block::kElements], high[Block::kElements];
  for (int part = 0; part < 2; ++part) {
    UnpackPlanes<4, 64>(block.low + 64 * part, low + 128 * part);
    UnpackPlanes<2, 32>(block.high + 32 * part, high + 128 * part);
  }
  for (int i = 0; i < Block::kElements; ++i) {
    const float scale = d * static_cast<float>(block.scales[i / Block::kGroup]);
    values[i] = scale * static_cast<float>((low[i] | high[i] << 4) - kZero);
  }
}

// New codes, one per value; the scales stay.
NIBBLE_HOST_DEVICE inline void SetCodes(const uint8_t* codes, Block& block) {
  uint8_t low[Block::kElements], high[Block::kElements];
  for (int i = 0; i < Block::kElements; ++i) {
    low[i] = codes[i] & 15;
    high[i] = codes[i] >> 4;
  }
  for (int part = 0; part < 2; ++part) {
    PackPlanes<4, 64>(low + 128 * part, block.low + 64 * part);
    PackPlanes<2, 32>(high + 128 * part, block.high + 32 * part);
  }
}

// Every code becomes the nearest for the block's scales.
NIBBLE_HOST_DEVICE inline void RoundCodes(const float* values, Block& block) {
  const float d = HalfToFloat(block.d);
  uint8_t codes[Block::kElements];
  for (int g = 0; g < Block::kGroups; ++g) {
    const float inverse = Reciprocal(d * static_cast<float>(block.scales[g]));
    for (int i = g * Block::kGroup; i < (g + 1) * Block::kGroup; ++i) {
      codes[i] = static_cast<uint8_t>(RoundToEven(Clamp(values[i] * inverse, -kZero, kZero - 1)) + kZero);
    }
  }
  SetCodes(codes, block);
}

// A group's value of largest magnitude becomes -32 times its scale, the largest scale -128 d.
NIBBLE_HOST_DEVICE inline Block PlainBlock(const float* values) {
  float scales[Block::kGroups];
  for (int g = 0; g < Block::kGroups; ++g) {
    scales[g] = SignedMax(values + g * Block::kGroup, Block::kGroup) / -kZero;
  }
  Block block;
  block.d = SaturateToHalf(SignedMax(scales, Block::kGroups) / kMinScale);
  const float inverse = Reciprocal(HalfToFloat(block.d));
  for (int g = 0; g < Block::kGroups; ++g) {
    block.scales[g] = static_cast<int8_t>(RoundToEven(Clamp(scales[g] * inverse, kMinScale, kMaxScale)));
  }
  RoundCodes(values, block);
  return block;
}

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::q6_k

#endif  // NIBBLE_QUANT_BLOCK_Q6_K_H_
