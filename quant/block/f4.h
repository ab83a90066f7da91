// F4: two E2M1 codes (e2m1.h) in a byte, the first in its low half. MXFP4 checkpoints hold their codes so, with scales
// in a tensor of their own; it is only read.
#ifndef NIBBLE_QUANT_BLOCK_F4_H_
#define NIBBLE_QUANT_BLOCK_F4_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/e2m1.h"
#include "quant/block/host_device.h"

namespace nibble::f4 {

struct Block {
  static constexpr int kElements = 2;
  uint8_t codes;
};
static_assert(sizeof(Block) == 1);

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  values[0] = 0.5f * static_cast<float>(DoubledE2M1(block.codes & 15));
  values[1] = 0.5f * static_cast<float>(DoubledE2M1(block.codes >> 4));
}

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);

}  // namespace nibble::f4

#endif  // NIBBLE_QUANT_BLOCK_F4_H_
