#include "quant/block/f8_e8m0.h"

#include "quant/block/block_run.h"

namespace nibble::f8_e8m0 {

void Decode(const std::byte* in, size_t blocks, float* out) { DecodeRun<Block, DecodeBlock>(in, blocks, out); }

}  // namespace nibble::f8_e8m0
