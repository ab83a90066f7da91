// INT4: two codes in a byte, the first in its low half, value = code - 8. compressed-tensors' "pack-quantized" words of
// eight codes are little-endian, so their bytes are these; scales are in a tensor of their own. It is only read.
#ifndef NIBBLE_QUANT_BLOCK_INT4_H_
#define NIBBLE_QUANT_BLOCK_INT4_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble::int4 {

struct Block {
  static constexpr int kElements = 2;
  uint8_t codes;
};
static_assert(sizeof(Block) == 1);

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  values[0] = static_cast<float>((block.codes & 15) - 8);
  values[1] = static_cast<float>((block.codes >> 4) - 8);
}

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);

}  // namespace nibble::int4

#endif  // NIBBLE_QUANT_BLOCK_INT4_H_
