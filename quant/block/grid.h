// Evenly spaced levels: the integers of an interval. What the scale searches ask of a grid:
//
//   kLow, kHigh                      its outermost levels
//   Nearest(ratio)                   the level nearest to value / scale
//   Code(ratio)                      the code of that level
//   kFirstRatio, kRatioStep, kRatios the scales worth trying, as fractions of the scale that puts a block's largest
//   value
//                                    on an outermost level
#ifndef NIBBLE_QUANT_BLOCK_GRID_H_
#define NIBBLE_QUANT_BLOCK_GRID_H_

#include <cstdint>

#include "quant/block/host_device.h"
#include "quant/block/rounding.h"

namespace nibble {

template <int kLowest, int kHighest>
struct IntegerGrid {
  static constexpr float kLow = kLowest, kHigh = kHighest;
  // With few levels it pays to clip the largest value; with many it is only a matter of how the others fall.
  static constexpr bool kFine = kHighest > 64;
  static constexpr float kFirstRatio = kFine ? 0.97f : 0.5f, kRatioStep = kFine ? 0.003f : 0.04f;
  static constexpr int kRatios = 16;

  NIBBLE_HOST_DEVICE static float Nearest(float ratio) { return RoundToEven(Clamp(ratio, kLow, kHigh)); }
  NIBBLE_HOST_DEVICE static uint8_t Code(float ratio) { return static_cast<uint8_t>(Nearest(ratio) - kLow); }
};

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_GRID_H_
