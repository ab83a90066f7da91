// INT4_G32, INT4_G128: symmetric integers in groups of 32 or 128, as compressed-tensors' "pack-quantized" folders hold
// them. value = scale * (code - 8)
//
//   offset  bytes
//   0       2    scale, BF16, above 0
//   2       N/2  codes, two in a byte, the first in its low half
//
// In a folder codes and scales are tensors of their own (`weight_packed`, `weight_scale`); a row's blocks hold the same
// bits. The scale is always BF16: it is what such checkpoints have, and exact in F16 too but for scales below 2^-14.
#ifndef NIBBLE_QUANT_BLOCK_INT4_GROUP_H_
#define NIBBLE_QUANT_BLOCK_INT4_GROUP_H_

#include <cstddef>
#include <cstdint>

#include "quant/block/bf16.h"
#include "quant/block/extremes.h"
#include "quant/block/host_device.h"
#include "quant/block/rounding.h"

namespace nibble {
namespace int4_group {

template <int N>
struct Group {
  static constexpr int kElements = N;
  uint16_t scale;
  uint8_t codes[N / 2];
};

inline constexpr int kZero = 8;                    // the code of value 0
inline constexpr uint16_t kLeastScale = 1;         // a denormal: zero is no scale
inline constexpr uint16_t kLargestScale = 0x7dff;  // times -8 it is still finite

NIBBLE_HOST_DEVICE inline float ScaleOf(uint16_t bits) {
  float scale;
  bf16::DecodeBlock({bits}, &scale);
  return scale;
}

// The nearest scale of a value >= 0.
NIBBLE_HOST_DEVICE inline uint16_t NearestScale(float value) {
  const uint16_t bits = bf16::PlainBlock(&value).bits;
  return bits < kLeastScale ? kLeastScale : bits > kLargestScale ? kLargestScale : bits;
}

template <int N>
NIBBLE_HOST_DEVICE inline void DecodeBlock(const Group<N>& block, float* values) {
  const float scale = ScaleOf(block.scale);
  for (int i = 0; i < N / 2; ++i) {
    values[2 * i] = scale * static_cast<float>((block.codes[i] & 15) - kZero);
    values[2 * i + 1] = scale * static_cast<float>((block.codes[i] >> 4) - kZero);
  }
}

// New codes, one per value; the scale stays.
template <int N>
NIBBLE_HOST_DEVICE inline void SetCodes(const uint8_t* codes, Group<N>& block) {
  for (int i = 0; i < N / 2; ++i) block.codes[i] = static_cast<uint8_t>(codes[2 * i] | codes[2 * i + 1] << 4);
}

// A given scale: every code the nearest.
template <int N>
NIBBLE_HOST_DEVICE inline Group<N> RoundBlock(const float* values, uint16_t scale) {
  const float inverse = Reciprocal(ScaleOf(scale));
  uint8_t codes[N];
  for (int i = 0; i < N; ++i) codes[i] = static_cast<uint8_t>(RoundToEven(Clamp(values[i] * inverse, -8, 7)) + kZero);
  Group<N> block;
  block.scale = scale;
  SetCodes<N>(codes, block);
  return block;
}

// The scale that clips nothing: codes go down to -8, and up to 7.
NIBBLE_HOST_DEVICE inline float WholeScale(const float* values, int n) {
  const Range range = MinMax(values, n);
  const float up = range.max / 7, down = range.min / -8;
  return up > down ? up : down;
}

template <int N>
NIBBLE_HOST_DEVICE inline Group<N> PlainBlock(const float* values) {
  return RoundBlock<N>(values, NearestScale(WholeScale(values, N)));
}

}  // namespace int4_group

// The rows of the format table (format.h).
#define NIBBLE_INT4_GROUP(ns, n)                                                                 \
  namespace ns {                                                                                 \
  using Block = int4_group::Group<n>;                                                            \
  static_assert(sizeof(Block) == 2 + n / 2);                                                     \
  void Decode(const std::byte* in, size_t blocks, float* out);                                   \
  void EncodeRtn(const float* values, size_t blocks, std::byte* out);                            \
  void EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out); \
  }
NIBBLE_INT4_GROUP(int4_g32, 32)
NIBBLE_INT4_GROUP(int4_g128, 128)
#undef NIBBLE_INT4_GROUP

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_INT4_GROUP_H_
