#include "quant/block/mxfp4.h"

#include "quant/block/block_run.h"
#include "quant/block/e2m1_search.h"
#include "quant/block/normalized.h"
#include "quant/block/rounding.h"

namespace nibble::mxfp4 {
namespace {

// Exact: starts at a scale that clips nothing (the levels of twice that scale are all among its own, so larger ones
// cannot be better) and goes down until clipping alone costs more than the best.
Block SearchBlock(const float* values, const float* weights) {
  const Normalized<Block::kElements> block(values, weights);
  const int unit_exponent = static_cast<int>(BitCast<uint32_t>(block.unit) >> 23);  // biased as E8M0 is
  const int first = unit_exponent - 1 < kMaxExponent ? unit_exponent - 1 : kMaxExponent;
  int best = first;
  float least = kInfinity;
  for (int e = first; e >= 0; --e) {
    const float scale = HalfOfE8M0(static_cast<uint8_t>(e)) / block.unit;
    const E2M1Fit fit = RoundAtE2M1<Block::kElements>(block.x, block.w, scale);
    if (fit.error < least) {
      least = fit.error;
      best = e;
    }
    if (fit.clipped >= least) break;
  }
  return RoundBlock(values, static_cast<uint8_t>(best));
}

}  // namespace

void Decode(const std::byte* in, size_t blocks, float* out) { DecodeRun<Block, DecodeBlock>(in, blocks, out); }

void EncodeRtn(const float* values, size_t blocks, std::byte* out) {
  EncodeRun<Block, PlainBlock>(values, blocks, out);
}

void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out) {
  EncodeBestRun<Block, DecodeBlock, PlainBlock, SearchBlock>(values, weights, blocks, out);
}

}  // namespace nibble::mxfp4
