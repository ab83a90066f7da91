#include "quant/block/q6_k.h"

#include "quant/block/block_run.h"
#include "quant/block/grid.h"
#include "quant/block/normalized.h"
#include "quant/block/super_scale.h"

namespace nibble::q6_k {
namespace {

Block SearchBlock(const float* values, const float* weights) {
  const Normalized<Block::kElements> normalized(values, weights);
  using Grid = IntegerGrid<-kZero, kZero - 1>;
  const auto found = SearchScaledGroups<Grid, Block::kGroups, Block::kGroup>(normalized, kMinScale, kMaxScale);
  Block block;
  block.d = found.d;
  for (int g = 0; g < Block::kGroups; ++g) block.scales[g] = static_cast<int8_t>(found.scales[g]);
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

}  // namespace nibble::q6_k
