#include "quant/block/scale_blocks.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "quant/block/half.h"
#include "quant/block/iq4_nl.h"
#include "quant/block/iq4_xs.h"
#include "quant/block/q4_0.h"
#include "quant/block/q4_1.h"
#include "quant/block/q4_k.h"
#include "quant/block/q5_0.h"
#include "quant/block/q5_1.h"
#include "quant/block/q5_k.h"
#include "quant/block/q6_k.h"
#include "quant/block/q8_0.h"

namespace nibble {
namespace {

// Where a format has its halves: from `offset` on, one behind the other.
struct Halves {
  Format format;
  size_t offset;
  int count;
};

constexpr Halves kHalves[] = {
    {Format::kQ8_0, offsetof(q8_0::Block, d), 1},     {Format::kQ4_0, offsetof(q4_0::Block, d), 1},
    {Format::kQ4_1, offsetof(q4_1::Block, d), 2},     {Format::kQ5_0, offsetof(q5_0::Block, d), 1},
    {Format::kQ5_1, offsetof(q5_1::Block, d), 2},     {Format::kQ4_K, offsetof(q4_k::Block, d), 2},
    {Format::kQ5_K, offsetof(q5_k::Block, d), 2},     {Format::kQ6_K, offsetof(q6_k::Block, d), 1},
    {Format::kIQ4_NL, offsetof(iq4_nl::Block, d), 1}, {Format::kIQ4_XS, offsetof(iq4_xs::Block, d), 1},
};

const Halves* Find(Format format) {
  for (const Halves& halves : kHalves) {
    if (halves.format == format) return &halves;
  }
  return nullptr;
}

uint16_t Read(const std::byte* at) {
  uint16_t half;
  std::memcpy(&half, at, sizeof(half));
  return half;
}

bool Holds(float scale) {
  return std::abs(HalfToFloat(FloatToHalf(scale)) - scale) <= kMostScaleError * std::abs(scale);
}

// Hands every half of the blocks to `what`, until that is false; whether it never was.
template <typename Byte, typename What>
bool ForEachHalf(const Halves& halves, size_t blocks, Byte* bytes, What what) {
  const size_t block_bytes = GetFormat(halves.format).block_bytes;
  for (size_t b = 0; b < blocks; ++b) {
    for (int i = 0; i < halves.count; ++i) {
      if (!what(bytes + b * block_bytes + halves.offset + i * sizeof(uint16_t))) return false;
    }
  }
  return true;
}

}  // namespace

bool CanScaleBlocks(Format format, float factor, size_t blocks, const std::byte* bytes) {
  const Halves* halves = Find(format);
  return halves != nullptr && ForEachHalf(*halves, blocks, bytes,
                                          [&](const std::byte* at) { return Holds(HalfToFloat(Read(at)) * factor); });
}

bool ScaleBlocks(Format format, float factor, size_t blocks, std::byte* bytes) {
  if (!CanScaleBlocks(format, factor, blocks, bytes)) return false;
  return ForEachHalf(*Find(format), blocks, bytes, [&](std::byte* at) {
    const uint16_t scaled = FloatToHalf(HalfToFloat(Read(at)) * factor);
    std::memcpy(at, &scaled, sizeof(scaled));
    return true;
  });
}

}  // namespace nibble
