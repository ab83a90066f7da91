// The search for a scale and an offset: x ~ scale * code + offset with codes 0..kMaxCode, with the least weighted
// squared error.
#ifndef NIBBLE_QUANT_BLOCK_AFFINE_SEARCH_H_
#define NIBBLE_QUANT_BLOCK_AFFINE_SEARCH_H_

#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/fold_sum.h"
#include "quant/block/half.h"
#include "quant/block/host_device.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"

namespace nibble {

struct Affine {
  float scale, offset;
};

// Which offsets a format can hold.
enum class Offset { kAny, kAtMostZero };

// What becomes of N values when they are rounded to the codes of a scale and an offset. The rest of a value is
// x - scale * code - offset.
struct AffineFit {
  Affine at;
  float error;                      // sum w rest^2
  float sum_w, sum_c, sum_cc;       // sum w, sum w code, sum w code^2
  float slope_scale, slope_offset;  // sum w code rest, sum w rest

  // The error with these codes at another scale and offset.
  NIBBLE_HOST_DEVICE float ErrorAt(Affine other) const {
    const float ds = other.scale - at.scale, dm = other.offset - at.offset;
    return error - 2 * (ds * slope_scale + dm * slope_offset) + (ds * ds * sum_cc + 2 * ds * dm * sum_c) +
           dm * dm * sum_w;
  }

  // The offset that suits these codes best at another scale.
  NIBBLE_HOST_DEVICE float OffsetFor(float scale) const {
    return sum_w > 0 ? at.offset + (slope_offset - (scale - at.scale) * sum_c) / sum_w : at.offset;
  }

  // The scale and offset that suit these codes best, by least squares.
  template <Offset kOffset>
  NIBBLE_HOST_DEVICE Affine Refit() const {
    const float determinant = sum_w * sum_cc - sum_c * sum_c;
    Affine refit = {at.scale, OffsetFor(at.scale)};
    if (determinant > 0) {
      refit.scale = at.scale + (sum_w * slope_scale - sum_c * slope_offset) / determinant;
      refit.offset = at.offset + (sum_cc * slope_offset - sum_c * slope_scale) / determinant;
    }
    if (kOffset == Offset::kAtMostZero && refit.offset > 0) {
      refit.offset = 0;
      if (sum_cc > 0) refit.scale = at.scale + (slope_scale + at.offset * sum_c) / sum_cc;
    }
    return refit;
  }
};

template <int kMaxCode, int N>
NIBBLE_HOST_DEVICE inline AffineFit RoundAtAffine(const float* x, const float* w, Affine at) {
  const float inverse = Reciprocal(at.scale);
  float errors[N], weights[N], codes[N], squares[N], code_rests[N], rests[N];
  for (int i = 0; i < N; ++i) {
    const float code = RoundToEven(Clamp((x[i] - at.offset) * inverse, 0.0f, kMaxCode));
    const float rest = x[i] - at.scale * code - at.offset;
    weights[i] = w[i];
    codes[i] = w[i] * code;
    squares[i] = codes[i] * code;
    rests[i] = w[i] * rest;
    code_rests[i] = codes[i] * rest;
    errors[i] = rests[i] * rest;
  }
  AffineFit fit;
  fit.at = at;
  fit.error = FoldSum<N>(errors);
  fit.sum_w = FoldSum<N>(weights);
  fit.sum_c = FoldSum<N>(codes);
  fit.sum_cc = FoldSum<N>(squares);
  fit.slope_scale = FoldSum<N>(code_rests);
  fit.slope_offset = FoldSum<N>(rests);
  return fit;
}

// Refits and rounds again for as long as that gains.
template <int kMaxCode, int N, Offset kOffset>
NIBBLE_HOST_DEVICE inline AffineFit Polish(const float* x, const float* w, AffineFit best) {
  constexpr int kRounds = 8;
  for (int round = 0; round < kRounds; ++round) {
    const AffineFit fit = RoundAtAffine<kMaxCode, N>(x, w, best.template Refit<kOffset>());
    if (!(fit.error < best.error)) break;
    best = fit;
  }
  return best;
}

// Tries scales that clip up to a third of the range, at the top, at both ends alike and at the bottom; polishes the
// most promising of each and returns the best.
template <int kMaxCode, int N, Offset kOffset>
NIBBLE_HOST_DEVICE inline AffineFit SearchAffine(const float* x, const float* w) {
  constexpr int kRatios = kMaxCode > 15 ? 13 : 9;  // the more codes, the closer lie the minima
  constexpr float kFirstRatio = 0.68f, kRatioStep = 0.36f / (kRatios - 1);
  Range range = MinMax(x, N);
  if (kOffset == Offset::kAtMostZero && range.min > 0) range.min = 0;
  const float span = range.max - range.min;
  AffineFit best = RoundAtAffine<kMaxCode, N>(x, w, {span / kMaxCode, range.min});
  for (int end = 0; end <= 2; ++end) {  // the share of what is clipped that goes at the bottom: none, half, all
    AffineFit candidate = best;
    float promise = best.ErrorAt(best.template Refit<kOffset>());
    for (int i = 0; i < kRatios; ++i) {
      const float ratio = kFirstRatio + static_cast<float>(i) * kRatioStep;
      float offset = range.min + 0.5f * static_cast<float>(end) * (span - ratio * span);
      if (kOffset == Offset::kAtMostZero && offset > 0) offset = 0;
      const AffineFit fit = RoundAtAffine<kMaxCode, N>(x, w, {ratio * span / kMaxCode, offset});
      const float error = fit.ErrorAt(fit.template Refit<kOffset>());
      if (error < promise) {
        promise = error;
        candidate = fit;
      }
    }
    candidate = Polish<kMaxCode, N, kOffset>(x, w, candidate);
    if (candidate.error < best.error) best = candidate;
  }
  return best;
}

struct HalfAffine {
  uint16_t scale, offset;
};

// The half scale and offset, with their codes, of a block that has one of each.
template <int kMaxCode, int N>
NIBBLE_HOST_DEVICE inline HalfAffine SearchHalfAffine(const Normalized<N>& block, uint8_t* codes) {
  HalfAffine half = {};
  const AffineFit ideal = SearchAffine<kMaxCode, N, Offset::kAny>(block.x, block.w);
  const int nearest = block.ToHalf(ideal.at.scale);
  AffineFit best = {};
  best.error = kInfinity;
  for (int scale = nearest - 1; scale <= nearest + 1; ++scale) {  // the neighbours matter where halves are denormal
    if (scale < 0 || scale > 0x7bff) continue;
    const float step = block.FromHalf(static_cast<uint16_t>(scale));
    const AffineFit rounded = RoundAtAffine<kMaxCode, N>(block.x, block.w, {step, ideal.OffsetFor(step)});
    const uint16_t offset = block.ToHalf(rounded.OffsetFor(step));
    const AffineFit fit = RoundAtAffine<kMaxCode, N>(block.x, block.w, {step, block.FromHalf(offset)});
    if (!(fit.error < best.error)) continue;
    best = fit;
    half = {static_cast<uint16_t>(scale), offset};
  }
  const float inverse = Reciprocal(best.at.scale);
  for (int i = 0; i < N; ++i) {
    codes[i] = static_cast<uint8_t>(RoundToEven(Clamp((block.x[i] - best.at.offset) * inverse, 0.0f, kMaxCode)));
  }
  return half;
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_AFFINE_SEARCH_H_
