// A format's blocks as compressed-tensors' folders hold them: codes and scales in tensors of their own, codes two in a
// byte, the first in its low half. The same bits in another order.
#ifndef NIBBLE_QUANT_BLOCK_PACKING_H_
#define NIBBLE_QUANT_BLOCK_PACKING_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "quant/block/format.h"

namespace nibble {

// A row per format that such a folder can hold.
struct Packing {
  Format format;
  absl::string_view name;  // quantization_config.format
  uint32_t group;          // values that share a scale; divides the block
  uint32_t scale_bytes;    // of one scale
  bool is_scaled;          // values are multiplied by one factor per tensor before they are encoded

  // `blocks` consecutive blocks: half a byte of codes per value, and a scale per group. A scale of 0 becomes the least
  // above it: its codes are zero.
  void (*unpack)(const std::byte* in, size_t blocks, std::byte* codes, std::byte* scales);
};

// Null if there is none.
const Packing* FindPacking(Format format);

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_PACKING_H_
