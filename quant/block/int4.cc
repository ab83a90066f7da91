#include "quant/block/int4.h"

#include "quant/block/block_run.h"

namespace nibble::int4 {

void Decode(const std::byte* in, size_t blocks, float* out) { DecodeRun<Block, DecodeBlock>(in, blocks, out); }

}  // namespace nibble::int4
