#include "quant/block/f4.h"

#include "quant/block/block_run.h"

namespace nibble::f4 {

void Decode(const std::byte* in, size_t blocks, float* out) { DecodeRun<Block, DecodeBlock>(in, blocks, out); }

}  // namespace nibble::f4
