// The search for the scale of a group of INT4_G32 or INT4_G128.
#ifndef NIBBLE_QUANT_BLOCK_INT4_SEARCH_H_
#define NIBBLE_QUANT_BLOCK_INT4_SEARCH_H_

#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/grid.h"
#include "quant/block/host_device.h"
#include "quant/block/int4_group.h"
#include "quant/block/lanes.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"
#include "quant/block/scale_search.h"

namespace nibble {
#include "quant/block/int4_search.inc"
}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_INT4_SEARCH_H_
