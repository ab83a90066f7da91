// A block as the searches see it: values and weights scaled by powers of two to about 1, so that no sum over- or
// underflows whatever the block holds. The scaling is exact, so what is best for it is best for the block.
#ifndef NIBBLE_QUANT_BLOCK_NORMALIZED_H_
#define NIBBLE_QUANT_BLOCK_NORMALIZED_H_

#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/host_device.h"
#include "quant/block/lanes.h"

namespace nibble {
#include "quant/block/normalized.inc"
}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_NORMALIZED_H_
