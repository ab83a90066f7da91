// The search for one scale: x ~ scale * level on a grid (grid.h), with the least weighted squared error.
#ifndef NIBBLE_QUANT_BLOCK_SCALE_SEARCH_H_
#define NIBBLE_QUANT_BLOCK_SCALE_SEARCH_H_

#include <cstdint>

#include "quant/block/extremes.h"
#include "quant/block/fold_sum.h"
#include "quant/block/host_device.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"

namespace nibble {

// What becomes of N values when they are rounded to the levels of a scale.
struct ScaleFit {
  float scale;
  float error;      // sum w (x - scale * level)^2
  float gradient;   // sum w level (x - scale * level)
  float curvature;  // sum w level^2

  // The scale that suits these levels best, by least squares, and the error left then.
  NIBBLE_HOST_DEVICE float Refit() const { return curvature > 0 ? scale + gradient / curvature : scale; }
  NIBBLE_HOST_DEVICE float RefitError() const {
    return curvature > 0 ? error - gradient * (gradient / curvature) : error;
  }
};

template <typename Grid, int N>
NIBBLE_HOST_DEVICE inline ScaleFit RoundAtScale(const float* x, const float* w, float scale) {
  const float inverse = Reciprocal(scale);
  float errors[N], gradients[N], curvatures[N];
  for (int i = 0; i < N; ++i) {
    const float level = Grid::Nearest(x[i] * inverse);
    const float rest = x[i] - scale * level;
    const float weighted = w[i] * level;
    errors[i] = w[i] * rest * rest;
    gradients[i] = weighted * rest;
    curvatures[i] = weighted * level;
  }
  return {scale, FoldSum<N>(errors), FoldSum<N>(gradients), FoldSum<N>(curvatures)};
}

// Refits and rounds again for as long as that gains.
template <typename Grid, int N>
NIBBLE_HOST_DEVICE inline ScaleFit Polish(const float* x, const float* w, ScaleFit best) {
  constexpr int kRounds = 8;
  for (int round = 0; round < kRounds; ++round) {
    const ScaleFit fit = RoundAtScale<Grid, N>(x, w, best.Refit());
    if (!(fit.error < best.error)) break;
    best = fit;
  }
  return best;
}

// Tries the grid's ratios from both of its ends and polishes the most promising.
template <typename Grid, int N>
NIBBLE_HOST_DEVICE inline ScaleFit SearchScale(const float* x, const float* w) {
  constexpr int kEnds = Grid::kHigh == -Grid::kLow ? 1 : 2;
  const float top = SignedMax(x, N);
  if (top == 0) return {};
  ScaleFit best = RoundAtScale<Grid, N>(x, w, top / Grid::kLow);
  for (int end = 0; end < kEnds; ++end) {
    const float whole = top / (end == 0 ? Grid::kLow : Grid::kHigh);
    for (int i = 0; i < Grid::kRatios; ++i) {
      const float ratio = Grid::kFirstRatio + static_cast<float>(i) * Grid::kRatioStep;
      const ScaleFit fit = RoundAtScale<Grid, N>(x, w, ratio * whole);
      if (fit.RefitError() < best.RefitError()) best = fit;
    }
  }
  return Polish<Grid, N>(x, w, best);
}

// The half scale, with its codes, of a block that has one scale.
template <typename Grid, int N>
NIBBLE_HOST_DEVICE inline uint16_t SearchHalfScale(const Normalized<N>& block, uint8_t* codes) {
  const uint16_t nearest = block.ToHalf(SearchScale<Grid, N>(block.x, block.w).scale);
  const int magnitude = nearest & 0x7fff;
  uint16_t best = nearest;
  ScaleFit best_fit = RoundAtScale<Grid, N>(block.x, block.w, block.FromHalf(nearest));
  for (int m = magnitude - 1; m <= magnitude + 1; m += 2) {  // the neighbours matter where halves are denormal
    if (m < 0 || m > 0x7bff) continue;
    const uint16_t half = static_cast<uint16_t>((nearest & 0x8000) | m);
    const ScaleFit fit = RoundAtScale<Grid, N>(block.x, block.w, block.FromHalf(half));
    if (fit.error < best_fit.error) {
      best_fit = fit;
      best = half;
    }
  }
  const float inverse = Reciprocal(block.FromHalf(best));
  for (int i = 0; i < N; ++i) codes[i] = Grid::Code(block.x[i] * inverse);
  return best;
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_SCALE_SEARCH_H_
