#include "quant/block/codebook.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "quant/block/int4_group.h"
#include "quant/block/iq4_nl.h"
#include "quant/block/iq4_xs.h"
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

constexpr Codebook kCodebooks[] = {
    {Format::kQ4_0, 16, 32, SetRun<q4_0::Block, q4_0::SetCodes>},
    {Format::kQ4_1, 16, 32, SetRun<q4_1::Block, q4_1::SetCodes>},
    {Format::kQ5_0, 32, 32, SetRun<q5_0::Block, q5_0::SetCodes>},
    {Format::kQ5_1, 32, 32, SetRun<q5_1::Block, q5_1::SetCodes>},
    {Format::kQ4_K, 16, 32, SetRun<q4_k::Block, q4_k::SetCodes>},
    {Format::kQ5_K, 32, 32, SetRun<q5_k::Block, q5_k::SetCodes>},
    {Format::kQ6_K, 64, 16, SetRun<q6_k::Block, q6_k::SetCodes>},
    {Format::kIQ4_NL, 16, 32, SetRun<iq4_nl::Block, iq4_nl::SetCodes>},
    {Format::kIQ4_XS, 16, 32, SetRun<iq4_xs::Block, iq4_xs::SetCodes>},
    {Format::kMXFP4, 16, 32, SetRun<mxfp4::Block, mxfp4::SetCodes>},
    {Format::kNVFP4, 16, 16, SetRun<nvfp4::Block, nvfp4::SetCodes>},
    {Format::kINT4_G32, 16, 32, SetRun<int4_g32::Block, int4_group::SetCodes<32>>},
    {Format::kINT4_G128, 16, 128, SetRun<int4_g128::Block, int4_group::SetCodes<128>>},
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
  std::vector<uint8_t> same(block.block_elements);
  std::vector<float> values(block.block_elements);
  const size_t groups = block.block_elements / group;
  for (size_t i = 0; i < blocks; ++i, in += block.block_bytes, levels += groups * codes) {
    std::memcpy(probe.data(), in, probe.size());
    for (uint32_t code = 0; code < codes; ++code) {
      std::fill(same.begin(), same.end(), static_cast<uint8_t>(code));
      set_codes(same.data(), 1, probe.data());
      block.decode(probe.data(), 1, values.data());
      for (size_t g = 0; g < groups; ++g) levels[g * codes + code] = values[g * group];
    }
  }
}

}  // namespace nibble
