// What Q4_K and Q5_K have in common: 256 values as eight groups of 32 with a six-bit scale and minimum each.
#ifndef NIBBLE_QUANT_BLOCK_K_AFFINE_H_
#define NIBBLE_QUANT_BLOCK_K_AFFINE_H_

#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/k_scales.h"
#include "quant/block/rounding.h"
#include "quant/block/rows.h"

namespace nibble {

#include "quant/block/k_affine.inc"

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_K_AFFINE_H_
