// The search for one scale: x ~ scale * level on a grid (grid.h), with the least weighted squared error.
#ifndef NIBBLE_QUANT_BLOCK_SCALE_SEARCH_H_
#define NIBBLE_QUANT_BLOCK_SCALE_SEARCH_H_

#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/fold_sum.h"
#include "quant/block/host_device.h"
#include "quant/block/lanes.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"

namespace nibble {
#include "quant/block/scale_search.inc"
}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_SCALE_SEARCH_H_
