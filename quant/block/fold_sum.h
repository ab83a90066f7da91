// Sums in a fixed order that vectorizes: a binary tree of halves, the same bits at every vector width.
#ifndef NIBBLE_QUANT_BLOCK_FOLD_SUM_H_
#define NIBBLE_QUANT_BLOCK_FOLD_SUM_H_

#include "quant/block/host_device.h"
#include "quant/block/lanes.h"

namespace nibble {
#include "quant/block/fold_sum.inc"
}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_FOLD_SUM_H_
