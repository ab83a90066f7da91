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
#include "quant/block/rows.h"
#include "quant/block/scale_code.h"

namespace nibble::mxfp4 {

struct Block {
  static constexpr int kElements = 32;
  uint8_t e;
  uint8_t codes[16];
};
static_assert(sizeof(Block) == 17);

inline constexpr uint8_t kMaxExponent = 252;  // the largest whose every code is finite

#include "quant/block/mxfp4.inc"

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::mxfp4

#endif  // NIBBLE_QUANT_BLOCK_MXFP4_H_
