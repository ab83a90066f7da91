// NVFP4: 64 values in 36 bytes, four groups of 16. value = UE4M3(scale of the group) * E2M1(code)
//
//   offset  bytes
//   0       4   scales, UE4M3 (scale_code.h)
//   4       32  codes, E2M1 (e2m1.h), 8 bytes a group: code i in the low half of byte i, code i + 8 in its high half
//
// A tensor may have a float scale of its own besides (GGUF: `<tensor>.scale`); values come here divided by it.
#ifndef NIBBLE_QUANT_BLOCK_NVFP4_H_
#define NIBBLE_QUANT_BLOCK_NVFP4_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/bit_planes.h"
#include "quant/block/e2m1.h"
#include "quant/block/extremes.h"
#include "quant/block/host_device.h"
#include "quant/block/rows.h"
#include "quant/block/scale_code.h"

namespace nibble::nvfp4 {

inline constexpr int kGroup = 16;

struct Block {
  static constexpr int kElements = 64;
  static constexpr int kGroups = kElements / kGroup;
  uint8_t scales[kGroups];
  uint8_t codes[kGroups][kGroup / 2];
};
static_assert(sizeof(Block) == 36);

#include "quant/block/nvfp4.inc"

// The row of the format table (format.h).
void Decode(const std::byte* in, size_t blocks, float* out);
void EncodeRtn(const float* values, size_t blocks, std::byte* out);
void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out);

}  // namespace nibble::nvfp4

#endif  // NIBBLE_QUANT_BLOCK_NVFP4_H_
