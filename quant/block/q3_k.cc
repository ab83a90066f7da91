#include "quant/block/q3_k.h"

#include "quant/block/block_run.h"

namespace nibble::q3_k {

void Decode(const std::byte* in, size_t blocks, float* out) { DecodeRun<Block, DecodeBlock>(in, blocks, out); }

}  // namespace nibble::q3_k
