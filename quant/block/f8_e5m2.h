// F8_E5M2 (OCP 8-bit floating point): the upper half of an IEEE 754 binary16, infinities and NaN included. It is only
// read.
#ifndef NIBBLE_QUANT_BLOCK_F8_E5M2_H_
#define NIBBLE_QUANT_BLOCK_F8_E5M2_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/half.h"
#include "quant/block/host_device.h"

namespace nibble::f8_e5m2 {

struct Block {
  static constexpr int kElements = 1;
  uint8_t bits;
};
static_assert(sizeof(Block) == 1);

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  *values = HalfToFloat(static_cast<uint16_t>(block.bits << 8));
}

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);

}  // namespace nibble::f8_e5m2

#endif  // NIBBLE_QUANT_BLOCK_F8_E5M2_H_
