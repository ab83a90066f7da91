// BF16: the upper half of an IEEE 754 binary32, little-endian. Finite values beyond its range become its ends.
#ifndef NIBBLE_QUANT_BLOCK_BF16_H_
#define NIBBLE_QUANT_BLOCK_BF16_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble::bf16 {

struct Block {
  static constexpr int kElements = 1;
  uint16_t bits;
};
static_assert(sizeof(Block) == 2);

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  *values = BitCast<float>(static_cast<uint32_t>(block.bits) << 16);
}

// Round to nearest, ties to even.
NIBBLE_HOST_DEVICE inline Block PlainBlock(const float* values) {
  const uint32_t bits = BitCast<uint32_t>(*values);
  const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return {static_cast<uint16_t>((rounded & 0x7fff) == 0x7f80 ? rounded - 1 : rounded)};
}

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::bf16

#endif  // NIBBLE_QUANT_BLOCK_BF16_H_
