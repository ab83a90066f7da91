// The search for a block of Q4_K or Q5_K: each group's scale and minimum, then their six bits and the two halves.
#ifndef NIBBLE_QUANT_BLOCK_K_AFFINE_SEARCH_H_
#define NIBBLE_QUANT_BLOCK_K_AFFINE_SEARCH_H_

#include <cstdint>

#include "quant/block/affine_search.h"
#include "quant/block/host_device.h"
#include "quant/block/k_affine.h"
#include "quant/block/k_scales.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"
#include "quant/block/super_scale.h"

namespace nibble {

// A block's parameters and what the groups' values become with them. The codes follow from it.
struct KAffineFit {
  uint16_t d, dmin;
  int scales[KAffine::kGroups], mins[KAffine::kGroups];
  AffineFit groups[KAffine::kGroups];
  float error;
};

using KAffineValues = Normalized<KAffine::kElements>;

NIBBLE_HOST_DEVICE inline int NearestKScale(float ratio) {
  return static_cast<int>(RoundToEven(Clamp(ratio, 0, kMaxKScale)));
}

// The best six-bit scale and minimum of group g for given halves, near those of `target`.
template <int kMaxCode>
NIBBLE_HOST_DEVICE inline void RoundKGroup(const KAffineValues& block, int g, const AffineFit& target,
                                           KAffineFit& result) {
  const float *x = block.x + g * KAffine::kGroup, *w = block.w + g * KAffine::kGroup;
  const float d = block.FromHalf(result.d), dmin = block.FromHalf(result.dmin);
  const float inverse_min = Reciprocal(dmin);
  const int nearest = NearestKScale(target.at.scale * Reciprocal(d));
  result.groups[g].error = kInfinity;
  constexpr int kShifts[] = {0, -1, 1};
  for (const int shift : kShifts) {
    const int scale = nearest + shift;
    if (scale < 0 || scale > kMaxKScale) continue;
    const float step = d * static_cast<float>(scale);
    int min = NearestKScale(-target.OffsetFor(step) * inverse_min);
    for (int round = 0; round < 2; ++round) {  // the second with the minimum refitted to the codes of the first
      const AffineFit fit = RoundAtAffine<kMaxCode, KAffine::kGroup>(x, w, {step, -(dmin * static_cast<float>(min))});
      if (fit.error < result.groups[g].error) {
        result.groups[g] = fit;
        result.scales[g] = scale;
        result.mins[g] = min;
      }
      const int refit = NearestKScale(-fit.OffsetFor(step) * inverse_min);
      if (refit == min) break;
      min = refit;
    }
  }
}

template <int kMaxCode>
NIBBLE_HOST_DEVICE inline KAffineFit RoundKGroups(const KAffineValues& block, uint16_t d, uint16_t dmin,
                                                  const AffineFit* targets) {
  KAffineFit result;
  result.d = d;
  result.dmin = dmin;
  result.error = 0;
  for (int g = 0; g < KAffine::kGroups; ++g) {
    RoundKGroup<kMaxCode>(block, g, targets[g], result);
    result.error += result.groups[g].error;
  }
  return result;
}

// The halves that suit the rounded groups best, by least squares.
NIBBLE_HOST_DEVICE inline void RefitHalves(const KAffineValues& block, const KAffineFit& fit, uint16_t& d,
                                           uint16_t& dmin) {
  float scale_scale = 0, scale_min = 0, min_min = 0, slope_scale = 0, slope_min = 0;
  for (int g = 0; g < KAffine::kGroups; ++g) {
    const AffineFit& group = fit.groups[g];
    const float scale = static_cast<float>(fit.scales[g]), min = static_cast<float>(-fit.mins[g]);
    scale_scale += scale * scale * group.sum_cc;
    scale_min += scale * min * group.sum_c;
    min_min += min * min * group.sum_w;
    slope_scale += scale * group.slope_scale;
    slope_min += min * group.slope_offset;
  }
  const float determinant = scale_scale * min_min - scale_min * scale_min;
  const float at = block.FromHalf(fit.d), at_min = block.FromHalf(fit.dmin);
  d = fit.d;
  dmin = fit.dmin;
  if (determinant > 0) {
    const float refit_min = at_min + (scale_scale * slope_min - scale_min * slope_scale) / determinant;
    d = block.ToHalf(at + (min_min * slope_scale - scale_min * slope_min) / determinant);
    dmin = block.ToHalf(refit_min > 0 ? refit_min : 0);
  } else if (scale_scale > 0) {
    d = block.ToHalf(at + slope_scale / scale_scale);
  }
}

// Where to start: halves that quantize the groups' own scales well, and then the minima that go with those.
template <int kMaxCode>
NIBBLE_HOST_DEVICE inline KAffineFit QuantizeKGroups(const KAffineValues& block, const AffineFit* ideal) {
  float scales[KAffine::kGroups], mins[KAffine::kGroups], curvatures[KAffine::kGroups], weights[KAffine::kGroups];
  for (int g = 0; g < KAffine::kGroups; ++g) {
    const AffineFit& fit = ideal[g];
    scales[g] = fit.at.scale;
    weights[g] = fit.sum_w;
    curvatures[g] = fit.sum_w > 0 ? fit.sum_cc - fit.sum_c * (fit.sum_c / fit.sum_w) : 0;
  }
  const uint16_t d = block.ToHalf(SearchSuperScale<KAffine::kGroups>(scales, curvatures, 0, kMaxKScale));
  const float step = block.FromHalf(d), inverse = Reciprocal(step);
  for (int g = 0; g < KAffine::kGroups; ++g) {
    const float min = -ideal[g].OffsetFor(step * static_cast<float>(NearestKScale(scales[g] * inverse)));
    mins[g] = min > 0 ? min : 0;
  }
  const uint16_t dmin = block.ToHalf(SearchSuperScale<KAffine::kGroups>(mins, weights, 0, kMaxKScale));
  return RoundKGroups<kMaxCode>(block, d, dmin, ideal);
}

template <int kMaxCode>
NIBBLE_HOST_DEVICE inline KAffine SearchKAffine(const float* values, const float* weights) {
  constexpr int kRounds = 4;
  const KAffineValues block(values, weights);
  AffineFit ideal[KAffine::kGroups];
  for (int g = 0; g < KAffine::kGroups; ++g) {
    ideal[g] = SearchAffine<kMaxCode, KAffine::kGroup, Offset::kAtMostZero>(block.x + g * KAffine::kGroup,
                                                                            block.w + g * KAffine::kGroup);
  }
  KAffineFit best = QuantizeKGroups<kMaxCode>(block, ideal);
  for (int round = 0; round < kRounds; ++round) {
    uint16_t d, dmin;
    RefitHalves(block, best, d, dmin);
    const KAffineFit fit = RoundKGroups<kMaxCode>(block, d, dmin, best.groups);
    if (!(fit.error < best.error)) break;
    best = fit;
  }
  KAffine result;
  result.d = best.d;
  result.dmin = best.dmin;
  for (int g = 0; g < KAffine::kGroups; ++g) {
    result.scales[g] = static_cast<uint8_t>(best.scales[g]);
    result.mins[g] = static_cast<uint8_t>(best.mins[g]);
  }
  RoundKAffine<kMaxCode>(values, result);
  return result;
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_K_AFFINE_SEARCH_H_
