#include "quant/block/codebook.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "quant/block/half.h"
#include "quant/block/int4_group.h"
#include "quant/block/iq4_nl.h"
#include "quant/block/iq4_xs.h"
#include "quant/block/k_affine.h"
#include "quant/block/k_scales.h"
#include "quant/block/mxfp4.h"
#include "quant/block/nvfp4.h"
#include "quant/block/q4_0.h"
#include "quant/block/q4_1.h"
#include "quant/block/q4_k.h"
#include "quant/block/q5_0.h"
#include "quant/block/q5_1.h"
#include "quant/block/q5_k.h"
#include "quant/block/q6_k.h"

namespace nibble {
namespace {

template <typename Block, void (*kSetCodes)(const uint8_t*, Block&)>
void SetRun(const uint8_t* codes, size_t blocks, std::byte* out) {
  for (size_t i = 0; i < blocks; ++i, codes += Block::kElements, out += sizeof(Block)) {
    Block block;
    std::memcpy(&block, out, sizeof(Block));
    kSetCodes(codes, block);
    std::memcpy(out, &block, sizeof(Block));
  }
}

// A half times a factor.
uint16_t Scaled(uint16_t half, float factor) {
  const float value = HalfToFloat(half) * factor;
  return std::abs(value) <= kMaxHalf ? FloatToHalf(value) : half;
}

constexpr float kFactors[] = {1.0f, 0.98f, 1.02f, 0.94f, 1.06f};

template <typename Block>
void AdjustScale(const uint8_t* choices, Block& block) {
  if (choices[0] > 0) block.d = Scaled(block.d, kFactors[choices[0]]);
}

template <typename Block>
void AdjustGroup(const uint8_t* choices, Block& block) {
  if (choices[0] == 0) return;
  block.scale = int4_group::NearestScale(int4_group::ScaleOf(block.scale) * kFactors[choices[0]]);
}

// Wider or narrower about the middle of the range, or shifted by a part of a step.
template <typename Block, int kMaxCode>
void AdjustAffine(const uint8_t* choices, Block& block) {
  static constexpr struct { float width, shift; } kSteps[] = {{1, 0}, {0.97f, 0}, {1.03f, 0}, {1, -0.2f}, {1, 0.2f}};
  if (choices[0] == 0) return;
  const auto& step = kSteps[choices[0]];
  const float d = HalfToFloat(block.d), m = HalfToFloat(block.m);
  const uint16_t wider = Scaled(block.d, step.width);
  const float min = m + (d - HalfToFloat(wider)) * (0.5f * kMaxCode) + d * step.shift;
  if (std::abs(min) > kMaxHalf) return;
  block.d = wider;
  block.m = FloatToHalf(min);
}

int Moved(int value, int step, int least, int most) {
  const int moved = value + step;
  return moved < least || moved > most ? value : moved;
}

constexpr int kSteps[] = {0, -1, 1, -2, 2};

void AdjustExponent(const uint8_t* choices, mxfp4::Block& block) {
  block.e = static_cast<uint8_t>(Moved(block.e, kSteps[choices[0]], 0, mxfp4::kMaxExponent));
}

void AdjustMicroScales(const uint8_t* choices, nvfp4::Block& block) {
  constexpr int kLargest = 0x7e;
  for (int g = 0; g < nvfp4::Block::kGroups; ++g) {
    block.scales[g] = static_cast<uint8_t>(Moved(block.scales[g], kSteps[choices[g]], 1, kLargest));
  }
}

template <typename Block>
void AdjustKScales(const uint8_t* choices, Block& block) {
  static constexpr struct { int scale, min; } kMoves[] = {{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}, {-1, -1}, {1, 1}};
  uint8_t scales[KAffine::kGroups], mins[KAffine::kGroups];
  for (int g = 0; g < KAffine::kGroups; ++g) {
    const auto& move = kMoves[choices[g]];
    scales[g] = static_cast<uint8_t>(Moved(KScale(block.scales, g), move.scale, 0, kMaxKScale));
    mins[g] = static_cast<uint8_t>(Moved(KMin(block.scales, g), move.min, 0, kMaxKScale));
  }
  block.scales = PackKScales(scales, mins);
}

void AdjustQ6Scales(const uint8_t* choices, q6_k::Block& block) {
  for (int g = 0; g < q6_k::Block::kGroups; ++g) {
    block.scales[g] = static_cast<int8_t>(Moved(block.scales[g], kSteps[choices[g]], q6_k::kMinScale, q6_k::kMaxScale));
  }
}

void AdjustIq4Scales(const uint8_t* choices, iq4_xs::Block& block) {
  int scales[iq4_xs::Block::kGroups];
  for (int g = 0; g < iq4_xs::Block::kGroups; ++g) {
    scales[g] = Moved(iq4_xs::Scale(block, g), kSteps[choices[g]], iq4_xs::kMinScale, iq4_xs::kMaxScale);
  }
  iq4_xs::PackScales(scales, block);
}

template <typename Block, void (*kAdjust)(const uint8_t*, Block&)>
void AdjustBlock(const uint8_t* choices, std::byte* out) {
  Block block;
  std::memcpy(&block, out, sizeof(Block));
  kAdjust(choices, block);
  std::memcpy(out, &block, sizeof(Block));
}

// Codes, group, how to set codes, steps of scales, how to take them.
constexpr Codebook kCodebooks[] = {
    {Format::kQ4_0, 16, 32, SetRun<q4_0::Block, q4_0::SetCodes>, 5, AdjustBlock<q4_0::Block, AdjustScale>},
    {Format::kQ4_1, 16, 32, SetRun<q4_1::Block, q4_1::SetCodes>, 5,
     AdjustBlock<q4_1::Block, AdjustAffine<q4_1::Block, q4_1::kMaxCode>>},
    {Format::kQ5_0, 32, 32, SetRun<q5_0::Block, q5_0::SetCodes>, 5, AdjustBlock<q5_0::Block, AdjustScale>},
    {Format::kQ5_1, 32, 32, SetRun<q5_1::Block, q5_1::SetCodes>, 5,
     AdjustBlock<q5_1::Block, AdjustAffine<q5_1::Block, q5_1::kMaxCode>>},
    {Format::kQ4_K, 16, 32, SetRun<q4_k::Block, q4_k::SetCodes>, 7, AdjustBlock<q4_k::Block, AdjustKScales>},
    {Format::kQ5_K, 32, 32, SetRun<q5_k::Block, q5_k::SetCodes>, 7, AdjustBlock<q5_k::Block, AdjustKScales>},
    {Format::kQ6_K, 64, 16, SetRun<q6_k::Block, q6_k::SetCodes>, 5, AdjustBlock<q6_k::Block, AdjustQ6Scales>},
    {Format::kIQ4_NL, 16, 32, SetRun<iq4_nl::Block, iq4_nl::SetCodes>, 5, AdjustBlock<iq4_nl::Block, AdjustScale>},
    {Format::kIQ4_XS, 16, 32, SetRun<iq4_xs::Block, iq4_xs::SetCodes>, 3, AdjustBlock<iq4_xs::Block, AdjustIq4Scales>},
    {Format::kMXFP4, 16, 32, SetRun<mxfp4::Block, mxfp4::SetCodes>, 3, AdjustBlock<mxfp4::Block, AdjustExponent>},
    {Format::kNVFP4, 16, 16, SetRun<nvfp4::Block, nvfp4::SetCodes>, 5, AdjustBlock<nvfp4::Block, AdjustMicroScales>},
    {Format::kINT4_G32, 16, 32, SetRun<int4_g32::Block, int4_group::SetCodes<32>>, 5,
     AdjustBlock<int4_g32::Block, AdjustGroup>},
    {Format::kINT4_G128, 16, 128, SetRun<int4_g128::Block, int4_group::SetCodes<128>>, 5,
     AdjustBlock<int4_g128::Block, AdjustGroup>},
};

}  // namespace

const Codebook* FindCodebook(Format format) {
  for (const Codebook& codebook : kCodebooks) {
    if (codebook.format == format) return &codebook;
  }
  return nullptr;
}

void Codebook::Levels(const std::byte* in, size_t blocks, float* levels) const {
  const BlockFormat& block = GetFormat(format);
  std::vector<std::byte> probe(block.block_bytes);
  std::vector<uint8_t> probed(block.block_elements);
  std::vector<float> values(block.block_elements);
  const size_t groups = block.block_elements / group;
  for (size_t i = 0; i < blocks; ++i, in += block.block_bytes, levels += groups * codes) {
    std::memcpy(probe.data(), in, probe.size());
    // As many codes as a group has values are decoded at a time.
    for (uint32_t first = 0; first < codes; first += group) {
      for (size_t v = 0; v < probed.size(); ++v) {
        probed[v] = static_cast<uint8_t>(std::min<size_t>(first + v % group, codes - 1));
      }
      set_codes(probed.data(), 1, probe.data());
      block.decode(probe.data(), 1, values.data());
      for (size_t g = 0; g < groups; ++g) {
        std::copy_n(&values[g * group], std::min(group, codes - first), &levels[g * codes + first]);
      }
    }
  }
}

}  // namespace nibble
