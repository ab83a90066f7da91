#include "quant/block/packing.h"

#include <algorithm>
#include <cstring>

#include "quant/block/bit_planes.h"
#include "quant/block/int4_group.h"
#include "quant/block/mxfp4.h"
#include "quant/block/nvfp4.h"

namespace nibble {
namespace {

// From planes of N bytes to pairs.
template <int N>
void PairPlanes(const uint8_t* planes, std::byte* pairs) {
  uint8_t codes[2 * N];
  UnpackPlanes<4, N>(planes, codes);
  for (int i = 0; i < N; ++i) pairs[i] = static_cast<std::byte>(codes[2 * i] | codes[2 * i + 1] << 4);
}

void Unpack(const mxfp4::Block& block, std::byte* codes, std::byte* scales) {
  scales[0] = static_cast<std::byte>(block.e);
  PairPlanes<mxfp4::Block::kElements / 2>(block.codes, codes);
}

void Unpack(const nvfp4::Block& block, std::byte* codes, std::byte* scales) {
  for (int g = 0; g < nvfp4::Block::kGroups; ++g) {
    scales[g] = static_cast<std::byte>(std::max<uint8_t>(block.scales[g], 1));
    PairPlanes<nvfp4::kGroup / 2>(block.codes[g], codes + g * nvfp4::kGroup / 2);
  }
}

template <int N>
void Unpack(const int4_group::Group<N>& block, std::byte* codes, std::byte* scales) {
  std::memcpy(scales, &block.scale, sizeof(block.scale));
  std::memcpy(codes, block.codes, sizeof(block.codes));
}

template <typename Block, int kScaleBytes>
void UnpackRun(const std::byte* in, size_t blocks, std::byte* codes, std::byte* scales) {
  for (size_t i = 0; i < blocks; ++i) {
    Block block;
    std::memcpy(&block, in + i * sizeof(Block), sizeof(Block));
    Unpack(block, codes + i * (Block::kElements / 2), scales + i * kScaleBytes);
  }
}

constexpr Packing kPackings[] = {
    {Format::kMXFP4, "mxfp4-pack-quantized", 32, 1, false, UnpackRun<mxfp4::Block, 1>},
    {Format::kNVFP4, "nvfp4-pack-quantized", 16, 1, true, UnpackRun<nvfp4::Block, nvfp4::Block::kGroups>},
    {Format::kINT4_G32, "pack-quantized", 32, 2, false, UnpackRun<int4_g32::Block, 2>},
    {Format::kINT4_G128, "pack-quantized", 128, 2, false, UnpackRun<int4_g128::Block, 2>},
};

}  // namespace

const Packing* FindPacking(Format format) {
  for (const Packing& packing : kPackings) {
    if (packing.format == format) return &packing;
  }
  return nullptr;
}

}  // namespace nibble
