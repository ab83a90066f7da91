// Choosing among the few scales that a microscaling format has: what E2M1 codes lose at each.
#ifndef NIBBLE_QUANT_BLOCK_E2M1_SEARCH_H_
#define NIBBLE_QUANT_BLOCK_E2M1_SEARCH_H_

#include <cstdint>

#include "quant/block/e2m1.h"
#include "quant/block/extremes.h"
#include "quant/block/fold_sum.h"
#include "quant/block/host_device.h"
#include "quant/block/lanes.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"
#include "quant/block/scale_code.h"

namespace nibble {
#include "quant/block/e2m1_search.inc"
}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_E2M1_SEARCH_H_
