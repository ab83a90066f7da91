#include "quant/block/q5_k.h"

#include "quant/block/block_run.h"

namespace nibble::q5_k {

void Decode(const std::byte* in, size_t blocks, float* out) { DecodeRun<Block, DecodeBlock>(in, blocks, out); }

void EncodeRtn(const float* values, size_t blocks, std::byte* out) {
  EncodeRun<Block, PlainBlock>(values, blocks, out);
}

void EncodeWeighted(const float* values, const float*, size_t blocks, std::byte* out) {
  EncodeRtn(values, blocks, out);
}

}  // namespace nibble::q5_k
