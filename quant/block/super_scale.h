// The scale of scales: the groups of a super-block store their scales as small integers, multiples of one half.
#ifndef NIBBLE_QUANT_BLOCK_SUPER_SCALE_H_
#define NIBBLE_QUANT_BLOCK_SUPER_SCALE_H_

#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/fold_sum.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"
#include "quant/block/scale_search.h"

namespace nibble {

// The step whose integer multiples in [low, high] come nearest to `targets`, by sum curvature (target - step * n)^2,
// among the steps that make the largest target one of the outermost integers.
template <int kGroups>
NIBBLE_HOST_DEVICE inline float SearchSuperScale(const float* targets, const float* curvatures, int low, int high) {
  const float top = SignedMax(targets, kGroups);
  if (top == 0) return 0;
  float best = 0, least = kInfinity;
  for (int end = low < 0 ? 0 : 1; end < 2; ++end) {
    const int outermost = end == 0 ? low : high;
    for (int i = 0; i < 24; ++i) {
      const float step = top / (static_cast<float>(outermost) * (1.0f - static_cast<float>(i) * (1.0f / 64)));
      const float inverse = Reciprocal(step);
      float errors[kGroups];
      for (int g = 0; g < kGroups; ++g) {
        const float rest = targets[g] - step * RoundToEven(Clamp(targets[g] * inverse, low, high));
        errors[g] = curvatures[g] * rest * rest;
      }
      const float error = FoldSum<kGroups>(errors);
      if (error < least) {
        least = error;
        best = step;
      }
    }
  }
  return best;
}

// A super-block of groups with one signed integer scale each: value = d * scale[group] * level.
template <int kGroups>
struct ScaledGroups {
  uint16_t d;  // half
  int scales[kGroups];
  float error;
};

// The best scales for a given d: around the multiple next to each target, the one that rounds the group best.
template <typename Grid, int kGroups, int kGroup>
NIBBLE_HOST_DEVICE inline ScaledGroups<kGroups> RoundGroups(const Normalized<kGroups * kGroup>& block, uint16_t d,
                                                            const float* targets, int low, int high, ScaleFit* fits) {
  constexpr int kShifts[] = {0, -1, 1, -2, 2};
  const float step = block.FromHalf(d), inverse = Reciprocal(step);
  ScaledGroups<kGroups> result = {d, {}, 0};
  for (int g = 0; g < kGroups; ++g) {
    const int nearest = static_cast<int>(RoundToEven(Clamp(targets[g] * inverse, low, high)));
    fits[g].error = kInfinity;
    for (const int shift : kShifts) {
      const int scale = nearest + shift;
      if (scale < low || scale > high) continue;
      const ScaleFit fit =
          RoundAtScale<Grid, kGroup>(block.x + g * kGroup, block.w + g * kGroup, step * static_cast<float>(scale));
      if (!(fit.error < fits[g].error)) continue;
      fits[g] = fit;
      result.scales[g] = scale;
    }
    result.error += fits[g].error;
  }
  return result;
}

// Searches each group's scale, quantizes them, and refits d to what was rounded for as long as that gains.
template <typename Grid, int kGroups, int kGroup>
NIBBLE_HOST_DEVICE inline ScaledGroups<kGroups> SearchScaledGroups(const Normalized<kGroups * kGroup>& block, int low,
                                                                   int high) {
  constexpr int kRounds = 4;
  float targets[kGroups], curvatures[kGroups];
  for (int g = 0; g < kGroups; ++g) {
    const ScaleFit fit = SearchScale<Grid, kGroup>(block.x + g * kGroup, block.w + g * kGroup);
    targets[g] = fit.scale;
    curvatures[g] = fit.curvature;
  }
  uint16_t d = block.ToHalf(SearchSuperScale<kGroups>(targets, curvatures, low, high));
  ScaleFit fits[kGroups];
  ScaledGroups<kGroups> best = RoundGroups<Grid, kGroups, kGroup>(block, d, targets, low, high, fits);
  for (int round = 0; round < kRounds; ++round) {
    float gradient = 0, curvature = 0;
    for (int g = 0; g < kGroups; ++g) {
      const float n = static_cast<float>(best.scales[g]);
      gradient += n * fits[g].gradient;
      curvature += n * n * fits[g].curvature;
      targets[g] = fits[g].scale;
    }
    if (!(curvature > 0)) break;
    d = block.ToHalf(block.FromHalf(best.d) + gradient / curvature);
    const ScaledGroups<kGroups> again = RoundGroups<Grid, kGroups, kGroup>(block, d, targets, low, high, fits);
    if (!(again.error < best.error)) break;
    best = again;
  }
  return best;
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_SUPER_SCALE_H_
