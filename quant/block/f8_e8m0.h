// F8_E8M0 (OCP microscaling): eight bits of exponent, 2^(code - 127); code 255 is NaN. Scales are stored in it; it is
// only read.
#ifndef NIBBLE_QUANT_BLOCK_F8_E8M0_H_
#define NIBBLE_QUANT_BLOCK_F8_E8M0_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble::f8_e8m0 {

struct Block {
  static constexpr int kElements = 1;
  uint8_t bits;
};
static_assert(sizeof(Block) == 1);

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const uint32_t code = block.bits;
  *values = BitCast<float>(code == 0 ? 0x00400000u : code == 255 ? 0x7fc00000u : code << 23);
}

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);

}  // namespace nibble::f8_e8m0

#endif  // NIBBLE_QUANT_BLOCK_F8_E8M0_H_
