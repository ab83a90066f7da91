#include "quant/block/iq4_xs.h"

#include "quant/block/block_run.h"
#include "quant/block/iq4.h"
#include "quant/block/normalized.h"
#include "quant/block/super_scale.h"

namespace nibble::iq4_xs {
namespace {

Block SearchBlock(const float* values, const float* weights) {
  const Normalized<Block::kElements> normalized(values, weights);
  const auto found = SearchScaledGroups<Iq4Grid, Block::kGroups, Block::kGroup>(normalized, kMinScale, kMaxScale);
  Block block;
  block.d = found.d;
  PackScales(found.scales, block);
  RoundCodes(values, block);
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

}  // namespace nibble::iq4_xs
