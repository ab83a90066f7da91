#include "quant/block/int4_group.h"

#include "quant/block/block_run.h"
#include "quant/block/grid.h"
#include "quant/block/normalized.h"
#include "quant/block/scale_search.h"

namespace nibble {
namespace int4_group {
namespace {

using Grid = IntegerGrid<-8, 7>;

// Scale search over positive scales alone: from the one under which the largest magnitude is a 7 down to two fifths of
// it.
template <int N>
ScaleFit SearchPositiveScale(const float* x, const float* w) {
  constexpr float kStep = 0.02f;
  constexpr int kSteps = 31;
  const float whole = AbsMax(x, N) / Grid::kHigh;
  ScaleFit best = RoundAtScale<Grid, N>(x, w, whole);
  for (int i = 1; i < kSteps; ++i) {
    const ScaleFit fit = RoundAtScale<Grid, N>(x, w, whole * (1 - static_cast<float>(i) * kStep));
    if (fit.RefitError() < best.RefitError()) best = fit;
  }
  return Polish<Grid, N>(x, w, best);
}

// The best of the neighbours of a scale: those of BF16 lie far apart.
template <int N>
Group<N> SearchBlock(const float* values, const float* weights) {
  const Normalized<N> group(values, weights);
  const uint16_t nearest = NearestScale(SearchPositiveScale<N>(group.x, group.w).scale * group.unit);
  uint16_t best = nearest;
  float least = kInfinity;
  for (int scale = nearest - 1; scale <= nearest + 1; ++scale) {
    if (scale < kLeastScale || scale > kLargestScale) continue;
    const uint16_t bits = static_cast<uint16_t>(scale);
    const float error = RoundAtScale<Grid, N>(group.x, group.w, ScaleOf(bits) / group.unit).error;
    if (error < least) {
      least = error;
      best = bits;
    }
  }
  return RoundBlock<N>(values, best);
}

template <int N>
void EncodeBest(const float* values, const float* weights, size_t blocks, std::byte* out) {
  EncodeBestRun<Group<N>, DecodeBlock<N>, PlainBlock<N>, SearchBlock<N>>(values, weights, blocks, out);
}

}  // namespace
}  // namespace int4_group

namespace int4_g32 {

void Decode(const std::byte* in, size_t blocks, float* out) {
  DecodeRun<Block, int4_group::DecodeBlock<Block::kElements>>(in, blocks, out);
}

void EncodeRtn(const float* values, size_t blocks, std::byte* out) {
  EncodeRun<Block, int4_group::PlainBlock<Block::kElements>>(values, blocks, out);
}

void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out) {
  int4_group::EncodeBest<Block::kElements>(values, weights, blocks, out);
}

}  // namespace int4_g32

namespace int4_g128 {

void Decode(const std::byte* in, size_t blocks, float* out) {
  DecodeRun<Block, int4_group::DecodeBlock<Block::kElements>>(in, blocks, out);
}

void EncodeRtn(const float* values, size_t blocks, std::byte* out) {
  EncodeRun<Block, int4_group::PlainBlock<Block::kElements>>(values, blocks, out);
}

void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out) {
  int4_group::EncodeBest<Block::kElements>(values, weights, blocks, out);
}

}  // namespace int4_g128
}  // namespace nibble
