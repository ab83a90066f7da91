// Multiplies what blocks stand for by a factor, without a change of any code: in formats whose scales are halves.
#ifndef NIBBLE_QUANT_BLOCK_SCALE_BLOCKS_H_
#define NIBBLE_QUANT_BLOCK_SCALE_BLOCKS_H_

#include <cstddef>

#include "quant/block/format.h"

namespace nibble {

// Halves round a scale by 2^-12 at most, unless they are denormal or overflow. Where a scale would be off by more than
// this share, nothing is changed.
inline constexpr float kMostScaleError = 0x1p-8f;

// Multiplies `blocks` consecutive blocks, in place, by `factor` (finite, not 0). False, and nothing is changed, if the
// format has other scales than halves, or one of them would be off by more than kMostScaleError of itself.
bool ScaleBlocks(Format format, float factor, size_t blocks, std::byte* bytes);

// What ScaleBlocks would say.
bool CanScaleBlocks(Format format, float factor, size_t blocks, const std::byte* bytes);

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_SCALE_BLOCKS_H_
