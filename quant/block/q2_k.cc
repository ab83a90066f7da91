#include "quant/block/q2_k.h"

#include "quant/block/block_run.h"

namespace nibble::q2_k {

void Decode(const std::byte* in, size_t blocks, float* out) { DecodeRun<Block, DecodeBlock>(in, blocks, out); }

}  // namespace nibble::q2_k
