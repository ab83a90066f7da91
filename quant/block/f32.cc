#include "quant/block/f32.h"

#include <cstring>

namespace nibble::f32 {

void Decode(const std::byte* in, size_t blocks, float* out) { std::memcpy(out, in, blocks * sizeof(Block)); }

void EncodeRtn(const float* values, size_t blocks, std::byte* out) { std::memcpy(out, values, blocks * sizeof(Block)); }

// One rounding per value: there is nothing to search.
void EncodeWeighted(const float* values, const float*, size_t blocks, std::byte* out) {
  EncodeRtn(values, blocks, out);
}

}  // namespace nibble::f32
