// A block's extreme values: what the plain rules make their scales of, and where the searches start.
#ifndef NIBBLE_QUANT_BLOCK_EXTREMES_H_
#define NIBBLE_QUANT_BLOCK_EXTREMES_H_

#include "quant/block/host_device.h"
#include "quant/block/lanes.h"

namespace nibble {
#include "quant/block/extremes.inc"
}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_EXTREMES_H_
