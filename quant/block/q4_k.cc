#include "quant/block/q4_k.h"

#include "quant/block/block_run.h"
#include "quant/block/k_affine_search.h"

namespace nibble::q4_k {
namespace {

Block SearchBlock(const float* values, const float* weights) {
  return PackBlock(SearchKAffine<kMaxCode>(values, weights));
}

}  // namespace

void Decode(const std::byte* in, size_t blocks, float* out) { DecodeRun<Block, DecodeBlock>(in, blocks, out); }

void EncodeRtn(const float* values, size_t blocks, std::byte* out) {
  EncodeRun<Block, PlainBlock>(values, blocks, out);
}

void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out) {
  EncodeBestRun<Block, DecodeBlock, PlainBlock, SearchBlock>(values, weights, blocks, out);
}

}  // namespace nibble::q4_k
