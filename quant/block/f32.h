// F32: IEEE 754 binary32, little-endian.
#ifndef NIBBLE_QUANT_BLOCK_F32_H_
#define NIBBLE_QUANT_BLOCK_F32_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble::f32 {

struct Block {
  static constexpr int kElements = 1;
  float value;
};
static_assert(sizeof(Block) == 4);

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::f32

#endif  // NIBBLE_QUANT_BLOCK_F32_H_
