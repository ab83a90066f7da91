#include "pipeline/output/int4_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr size_t kCodes = 32;
constexpr uint8_t kZero = 8;  // the code of value 0
constexpr uint16_t kLeastScale = 1;

struct Block {
  uint16_t scale;
  uint8_t codes[kCodes / 2];
};

// Code i lies in the low half of byte i, code i + 16 in its high half.
void Unpack(const Block& block, uint8_t* codes) {
  for (size_t i = 0; i < kCodes / 2; ++i) {
    codes[i] = block.codes[i] & 15;
    codes[i + kCodes / 2] = block.codes[i] >> 4;
  }
}

// Two in a byte, the first in its low half.
void Pack(const uint8_t* codes, Block& block) {
  for (size_t i = 0; i < kCodes / 2; ++i) {
    block.codes[i] = static_cast<uint8_t>(codes[2 * i] | codes[2 * i + 1] << 4);
  }
}

float ScaleOf(const Block& block) {
  float scale = 0;
  GetFormat(Format::kF16).decode(reinterpret_cast<const std::byte*>(&block.scale), 1, &scale);
  return scale;
}

// Whether the block holds the same values afterwards.
bool Convert(Block& block) {
  uint8_t codes[kCodes];
  Unpack(block, codes);
  const float scale = ScaleOf(block), positive = std::fabs(scale);
  if (scale == 0) {
    std::fill(codes, codes + kCodes, kZero);
    block.scale = kLeastScale;  // zero is no scale
  } else {
    const bool flips = scale < 0;
    if (flips && std::find(codes, codes + kCodes, 0) != codes + kCodes) return false;  // 8 is no value of a code
    if (flips) std::transform(codes, codes + kCodes, codes, [](uint8_t code) { return 2 * kZero - code; });
    uint32_t bits = 0;
    std::memcpy(&bits, &positive, sizeof(bits));
    if (!std::isfinite(scale) || (bits & 0xffff) != 0) return false;
    block.scale = static_cast<uint16_t>(bits >> 16);
  }
  Pack(codes, block);
  return true;
}

}  // namespace

absl::Status Q4ToInt4Blocks(absl::Span<std::byte> blocks, absl::string_view place) {
  for (size_t at = 0; at < blocks.size(); at += sizeof(Block)) {
    Block block;
    std::memcpy(&block, &blocks[at], sizeof(Block));
    if (!Convert(block)) {
      return absl::UnimplementedError(
          absl::StrCat(place, ": expected Q4_0's scales to be ones that INT4_G32 has (BF16, above 0), found ",
                       ScaleOf(block), ", which is not supported in a folder; --dtype bf16 decodes it"));
    }
    std::memcpy(&blocks[at], &block, sizeof(Block));
  }
  return absl::OkStatus();
}

}  // namespace nibble
