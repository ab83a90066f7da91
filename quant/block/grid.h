// Evenly spaced levels: the integers of an interval. What the scale searches ask of a grid:
//
//   kLow, kHigh                      its outermost levels
//   Nearest(ratio)                   the level nearest to value / scale
//   kFirstRatio, kRatioStep, kRatios the scales worth trying, as fractions of the scale that puts a block's largest
//                                    value on an outermost level
//   kManyLevels                      whether errors are too small beside the values to be found as differences of sums
#ifndef NIBBLE_QUANT_BLOCK_GRID_H_
#define NIBBLE_QUANT_BLOCK_GRID_H_

#include "quant/block/host_device.h"
#include "quant/block/lanes.h"
#include "quant/block/rounding.h"

namespace nibble {
#include "quant/block/grid.inc"
}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_GRID_H_
