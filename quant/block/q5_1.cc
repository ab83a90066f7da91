#include "quant/block/q5_1.h"

#include "quant/block/affine_search.h"
#include "quant/block/block_run.h"
#include "quant/block/five_bits.h"
#include "quant/block/normalized.h"

namespace nibble::q5_1 {
namespace {

Block SearchBlock(const float* values, const float* weights) {
  const Normalized<Block::kElements> normalized(values, weights);
  uint8_t codes[Block::kElements];
  const HalfAffine half = SearchHalfAffine<kMaxCode>(normalized, codes);
  return {half.scale, half.offset, PackFiveBits(codes)};
}

}  // namespace

void Decode(const std::byte* in, size_t blocks, float* out) { DecodeRun<Block, DecodeBlock>(in, blocks, out); }

void EncodeRtn(const float* values, size_t blocks, std::byte* out) {
  EncodeRun<Block, PlainBlock>(values, blocks, out);
}

void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out) {
  EncodeBestRun<Block, DecodeBlock, PlainBlock, SearchBlock>(values, weights, blocks, out);
}

}  // namespace nibble::q5_1
