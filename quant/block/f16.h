// F16: IEEE 754 binary16, little-endian. Finite values beyond its range become its ends.
#ifndef NIBBLE_QUANT_BLOCK_F16_H_
#define NIBBLE_QUANT_BLOCK_F16_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/half.h"
#include "quant/block/host_device.h"

namespace nibble::f16 {

struct Block {
  static constexpr int kElements = 1;
  uint16_t half;
};
static_assert(sizeof(Block) == 2);

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) { *values = HalfToFloat(block.half); }

NIBBLE_HOST_DEVICE inline Block PlainBlock(const float* values) { return {SaturateToHalf(*values)}; }

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::f16

#endif  // NIBBLE_QUANT_BLOCK_F16_H_
