// The search for a block of Q4_K or Q5_K: each group's scale and minimum, then their six bits and the two halves.
#ifndef NIBBLE_QUANT_BLOCK_K_AFFINE_SEARCH_H_
#define NIBBLE_QUANT_BLOCK_K_AFFINE_SEARCH_H_

#include <cstdint>

#include "quant/block/affine_search.h"
#include "quant/block/host_device.h"
#include "quant/block/k_affine.h"
#include "quant/block/k_scales.h"
#include "quant/block/lanes.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"
#include "quant/block/super_scale.h"

namespace nibble {
#include "quant/block/k_affine_search.inc"
}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_K_AFFINE_SEARCH_H_
