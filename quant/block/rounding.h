// Scalar steps of every encoder: a value over its scale, kept in range, to the nearest integer.
#ifndef NIBBLE_QUANT_BLOCK_ROUNDING_H_
#define NIBBLE_QUANT_BLOCK_ROUNDING_H_

#include <limits>

#include "quant/block/host_device.h"
#include "quant/block/lanes.h"

namespace nibble {

inline constexpr float kMaxFloat = std::numeric_limits<float>::max();
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

#include "quant/block/rounding.inc"

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_ROUNDING_H_
