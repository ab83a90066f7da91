// The search for a scale and an offset: x ~ scale * code + offset with codes 0..kMaxCode, with the least weighted
// squared error.
#ifndef NIBBLE_QUANT_BLOCK_AFFINE_SEARCH_H_
#define NIBBLE_QUANT_BLOCK_AFFINE_SEARCH_H_

#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/fold_sum.h"
#include "quant/block/host_device.h"
#include "quant/block/lanes.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"

namespace nibble {

// Which offsets a format can hold.
enum class Offset { kAny, kAtMostZero };

#include "quant/block/affine_search.inc"

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_AFFINE_SEARCH_H_
