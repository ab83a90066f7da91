// The scale of scales: the groups of a super-block store their scales as small integers, multiples of one half.
#ifndef NIBBLE_QUANT_BLOCK_SUPER_SCALE_H_
#define NIBBLE_QUANT_BLOCK_SUPER_SCALE_H_

#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/fold_sum.h"
#include "quant/block/host_device.h"
#include "quant/block/lanes.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"
#include "quant/block/scale_search.h"

namespace nibble {
#include "quant/block/super_scale.inc"
}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_SUPER_SCALE_H_
