#include "quant/block/nvfp4.h"

#include "quant/block/block_run.h"
#include "quant/block/e2m1_search.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"

namespace nibble::nvfp4 {
namespace {

// Exact: starts at twice the scale that clips nothing and goes down until clipping alone costs more than the best.
// Beyond that start there is nothing new, all levels of a scale being levels of its half; but only from code 16 on is
// every scale's half a scale.
uint8_t SearchScaleCode(const float* values, const float* weights) {
  const Normalized<kGroup> group(values, weights);
  const int twice = RoundToUE4M3(AbsMax(values, kGroup) / 6.0f) + 8;
  const int first = twice < 15 ? 15 : twice < kMaxUE4M3 ? twice : kMaxUE4M3;
  int best = 0;
  float least = kInfinity;
  for (int code = first; code >= 0; --code) {
    const float scale = HalfOfUE4M3(static_cast<uint8_t>(code)) / group.unit;
    const E2M1Fit fit = RoundAtE2M1<kGroup>(group.x, group.w, scale);
    if (fit.error < least) {
      least = fit.error;
      best = code;
    }
    if (fit.clipped >= least) break;
  }
  return static_cast<uint8_t>(best);
}

Block SearchBlock(const float* values, const float* weights) {
  Block block;
  for (int g = 0; g < Block::kGroups; ++g) {
    const float* group_weights = weights == nullptr ? nullptr : weights + g * kGroup;
    RoundGroup(values + g * kGroup, SearchScaleCode(values + g * kGroup, group_weights), g, block);
  }
  return block;
}

}  // namespace

void Decode(const std::byte* in, size_t blocks, float* out) { DecodeRun<Block, DecodeBlock>(in, blocks, out); }

void EncodeRtn(const float* values, size_t blocks, std::byte* out) {
  EncodeRun<Block, PlainBlock>(values, blocks, out);
}

void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out) {
  EncodeBestRun<Block, DecodeBlock, PlainBlock, SearchBlock>(values, weights, blocks, out);
}

}  // namespace nibble::nvfp4
