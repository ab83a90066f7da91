// F8_E4M3 (OCP 8-bit floating point, "FN"): a sign, four bits of exponent (bias 7), three of mantissa. No infinities;
// both codes of all ones are NaN. The largest value is 448. Checkpoints are published in it; it is only read.
#ifndef NIBBLE_QUANT_BLOCK_F8_E4M3_H_
#define NIBBLE_QUANT_BLOCK_F8_E4M3_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble::f8_e4m3 {

struct Block {
  static constexpr int kElements = 1;
  uint8_t bits;
};
static_assert(sizeof(Block) == 1);

NIBBLE_HOST_DEVICE inline void DecodeBlock(const Block& block, float* values) {
  const uint32_t sign = static_cast<uint32_t>(block.bits & 0x80) << 24;
  const uint32_t magnitude = block.bits & 0x7f;
  uint32_t bits = (magnitude << 20) + (120u << 23);  // the exponent's bias goes from 7 to 127
  if (magnitude == 0x7f) bits = 0x7fc00000;
  if (magnitude < 8) bits = BitCast<uint32_t>(static_cast<float>(magnitude) * 0x1p-9f);  // zero or denormal
  *values = BitCast<float>(sign | bits);
}

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);

}  // namespace nibble::f8_e4m3

#endif  // NIBBLE_QUANT_BLOCK_F8_E4M3_H_
