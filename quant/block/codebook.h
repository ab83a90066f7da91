// A block as codes under scales, each to be changed by itself: what error feedback, coordinate descent and a refit of
// the scales need of a format.
#ifndef NIBBLE_QUANT_BLOCK_CODEBOOK_H_
#define NIBBLE_QUANT_BLOCK_CODEBOOK_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/format.h"

namespace nibble {

// A row per format whose values are codes under scales.
struct Codebook {
  Format format;
  uint32_t codes;  // how many; each is below it
  uint32_t group;  // values that share their levels; divides the block

  // Puts new codes, one per value, into `blocks` consecutive blocks, whose scales stay.
  void (*set_codes)(const uint8_t* codes, size_t blocks, std::byte* out);

  // Each group's scale (and minimum) as it is, or moved by one of a few small steps: choices[g] < adjustments, 0 leaves
  // group g as it is. Codes stay. A step that would leave the format's range is not taken.
  uint32_t adjustments;
  void (*adjust)(const uint8_t* choices, std::byte* block);

  // The value of every code, group by group: levels[group][code], exactly as the format decodes it.
  void Levels(const std::byte* in, size_t blocks, float* levels) const;
};

// Null for formats without codes, those that are read only, and those too fine to gain by it (Q8_0).
const Codebook* FindCodebook(Format format);

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_CODEBOOK_H_
