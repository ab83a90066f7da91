// MXFP4 (OCP microscaling): 32 values in 17 bytes. value = 2^(e - 127) * E2M1(code)
//
//   offset  bytes
//   0       1   e, an E8M0 scale (scale_code.h)
//   1       16  codes, E2M1 (e2m1.h): code i in the low half of byte i, code i + 16 in its high half
#ifndef NIBBLE_QUANT_BLOCK_MXFP4_H_
#define NIBBLE_QUANT_BLOCK_MXFP4_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/bit_planes.h"
#include "quant/block/e2m1.h"
#include "quant/block/extremes.h"
#include "quant/block/host_device.h"
#include "quant/block/scale_code.h"

namespace nibble::mxfp4 {

struct Block {
  static constexpr int kElements = 32;
  uint8_t e;
  uint8_t codes[16];
};
static_assert(sizeof(Block) == 17);

inline constexpr uint8_t kMaxExponent = 252;  // the largest whose every code is finite

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const float scale = HalfOfE8M0(block.e);
  uint8_t codes[Block::kElements];
  UnpackPlanes<4, 16>(block.codes, codes);
  for (int i = 0; i < Block::kElements; ++i) values[i] = scale * static_cast<float>(DoubledE2M1(codes[i]));
}

// The block of a given scale: every code the nearest.
NIBBLE_HOST_DEVICE inline Block RoundBlock(const float* values, uint8_t e) {
  const float scale = HalfOfE8M0(e);
  uint8_t codes[Block::kElements];
  for (int i = 0; i < Block::kElements; ++i) codes[i] = NearestE2M1(values[i], scale);
  Block block;
  block.e = e;
  PackPlanes<4, 16>(codes, block.codes);
  return block;
}

// The rule of the OCP specification: e = floor(log2(largest magnitude)) - 2, so that this value lies in [4, 8).
NIBBLE_HOST_DEVICE inline Block PlainBlock(const float* values) {
  const int biased = static_cast<int>(BitCast<uint32_t>(AbsMax(values, Block::kElements)) >> 23);
  return RoundBlock(values, static_cast<uint8_t>(biased > 2 ? biased - 2 : 0));
}

// New codes, one per value; the scales stay.
NIBBLE_HOST_DEVICE inline void SetCodes(const uint8_t* codes, Block& block) { PackPlanes<4, 16>(codes, block.codes); }

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::mxfp4

#endif  // NIBBLE_QUANT_BLOCK_MXFP4_H_
