#include "quant/block/f32.h"

#include <algorithm>

namespace nibble::f32 {

void Decode(const std::byte* in, size_t blocks, float* out) {
  std::copy_n(in, blocks * sizeof(Block), reinterpret_cast<std::byte*>(out));
}

void EncodeRtn(const float* values, size_t blocks, std::byte* out) {
  std::copy_n(reinterpret_cast<const std::byte*>(values), blocks * sizeof(Block), out);
}

// One rounding per value: there is nothing to search.
void EncodeWeighted(const float* values, const float*, size_t blocks, std::byte* out) {
  EncodeRtn(values, blocks, out);
}

}  // namespace nibble::f32
