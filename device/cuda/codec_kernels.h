// Number formats in kernels, a thread for each block: the formats' own inline maths, so the CPU's bytes.
//
// A search needs all registers of a thread, and for blocks of 256 values up to 6 KB of its local memory. A new format
// gets a row in kCodecs.
#ifndef NIBBLE_DEVICE_CUDA_CODEC_KERNELS_H_
#define NIBBLE_DEVICE_CUDA_CODEC_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "device/cuda/kernel.h"
#include "quant/block/affine_search.h"
#include "quant/block/bf16.h"
#include "quant/block/block_run.h"
#include "quant/block/e2m1_search.h"
#include "quant/block/f16.h"
#include "quant/block/f32.h"
#include "quant/block/f4.h"
#include "quant/block/f8_e4m3.h"
#include "quant/block/f8_e5m2.h"
#include "quant/block/f8_e8m0.h"
#include "quant/block/format.h"
#include "quant/block/grid.h"
#include "quant/block/int4.h"
#include "quant/block/int4_group.h"
#include "quant/block/int4_search.h"
#include "quant/block/iq4.h"
#include "quant/block/iq4_nl.h"
#include "quant/block/iq4_xs.h"
#include "quant/block/k_affine_search.h"
#include "quant/block/mxfp4.h"
#include "quant/block/nvfp4.h"
#include "quant/block/q2_k.h"
#include "quant/block/q3_k.h"
#include "quant/block/q4_0.h"
#include "quant/block/q4_1.h"
#include "quant/block/q4_k.h"
#include "quant/block/q5_0.h"
#include "quant/block/q5_1.h"
#include "quant/block/q5_k.h"
#include "quant/block/q6_k.h"
#include "quant/block/q8_0.h"
#include "quant/block/scale_search.h"
#include "quant/block/super_scale.h"

namespace nibble::cuda {

// kDecode: void(const Block&, float* values).
template <typename Block, auto kDecode>
struct DecodeKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const {
    Block block;
    memcpy(&block, blocks + i * sizeof(Block), sizeof(Block));
    kDecode(block, values + i * Block::kElements);
  }

  const std::byte* blocks;
  float* values;
};

// kEncode: Block(const float* values).
template <typename Block, auto kEncode>
struct EncodeKernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const {
    const Block block = kEncode(values + i * Block::kElements);
    memcpy(blocks + i * sizeof(Block), &block, sizeof(Block));
  }

  const float* values;
  std::byte* blocks;
};

// Of a format whose bytes are found by a search (block_run.h).
template <typename Search, auto kDecode, auto kPlain>
struct SearchKernel {
  using Block = typename Search::Block;

  NIBBLE_HOST_DEVICE void operator()(int64_t i) const {
    const float* own = weights == nullptr ? nullptr : weights + i % row_blocks * Block::kElements;
    EncodeBestRun<Search, kDecode, kPlain>(values + i * Block::kElements, own, 1, blocks + i * sizeof(Block));
  }

  const float* values;
  const float* weights;  // of a row, or null
  int64_t row_blocks;
  std::byte* blocks;
};

NIBBLE_HOST_DEVICE inline void DecodeF32(const f32::Block& block, float* values) { *values = block.value; }
NIBBLE_HOST_DEVICE inline f32::Block EncodeF32(const float* values) { return {*values}; }

// A format's kernels over so many blocks in the device's memory. Null: read only.
template <typename Launcher>
struct Codec {
  void (*decode)(Launcher& launcher, int64_t count, const std::byte* blocks, float* values);
  void (*encode_rtn)(Launcher& launcher, int64_t count, const float* values, std::byte* blocks);
  void (*encode_weighted)(Launcher& launcher, int64_t count, int64_t row_blocks, const float* values,
                          const float* weights, std::byte* blocks);
};

template <typename Launcher, typename Block, auto kDecode>
void RunDecode(Launcher& launcher, int64_t count, const std::byte* blocks, float* values) {
  launcher.ForEach(count, DecodeKernel<Block, kDecode>{blocks, values});
}

template <typename Launcher, typename Block, auto kEncode>
void RunEncode(Launcher& launcher, int64_t count, const float* values, std::byte* blocks) {
  launcher.ForEach(count, EncodeKernel<Block, kEncode>{values, blocks});
}

template <typename Launcher, typename Search, auto kDecode, auto kPlain>
void RunSearch(Launcher& launcher, int64_t count, int64_t row_blocks, const float* values, const float* weights,
               std::byte* blocks) {
  launcher.ForEach(count, SearchKernel<Search, kDecode, kPlain>{values, weights, row_blocks, blocks});
}

// Where there is nothing to search for.
template <typename Launcher, typename Block, auto kEncode>
void RunNoSearch(Launcher& launcher, int64_t count, int64_t /*row_blocks*/, const float* values,
                 const float* /*weights*/, std::byte* blocks) {
  RunEncode<Launcher, Block, kEncode>(launcher, count, values, blocks);
}

template <typename Launcher, typename Block, auto kDecode>
inline constexpr Codec<Launcher> kReadOnly = {RunDecode<Launcher, Block, kDecode>, nullptr, nullptr};
template <typename Launcher, typename Block, auto kDecode, auto kEncode>
inline constexpr Codec<Launcher> kPlainOnly = {RunDecode<Launcher, Block, kDecode>, RunEncode<Launcher, Block, kEncode>,
                                               RunNoSearch<Launcher, Block, kEncode>};
template <typename Launcher, auto kDecode, auto kPlain, typename Search>
inline constexpr Codec<Launcher> kSearched = {RunDecode<Launcher, typename Search::Block, kDecode>,
                                              RunEncode<Launcher, typename Search::Block, kPlain>,
                                              RunSearch<Launcher, Search, kDecode, kPlain>};

// In the order of Format; the searches are those of the formats' own files.
template <typename Launcher>
inline constexpr Codec<Launcher> kCodecs[] = {
    kPlainOnly<Launcher, f32::Block, DecodeF32, EncodeF32>,
    kPlainOnly<Launcher, f16::Block, f16::DecodeBlock, f16::PlainBlock>,
    kPlainOnly<Launcher, bf16::Block, bf16::DecodeBlock, bf16::PlainBlock>,
    kSearched<Launcher, q8_0::DecodeBlock, q8_0::PlainBlock,
              HalfScaleSearch<q8_0::Block, IntegerGrid<-q8_0::kMaxCode, q8_0::kMaxCode>, q8_0::RoundBlock>>,
    kSearched<Launcher, q4_0::DecodeBlock, q4_0::PlainBlock,
              HalfScaleSearch<q4_0::Block, IntegerGrid<-8, 7>, q4_0::RoundBlock>>,
    kSearched<Launcher, q4_1::DecodeBlock, q4_1::PlainBlock,
              HalfAffineSearch<q4_1::Block, q4_1::kMaxCode, q4_1::RoundBlock>>,
    kSearched<Launcher, q5_0::DecodeBlock, q5_0::PlainBlock,
              HalfScaleSearch<q5_0::Block, IntegerGrid<-16, 15>, q5_0::RoundBlock>>,
    kSearched<Launcher, q5_1::DecodeBlock, q5_1::PlainBlock,
              HalfAffineSearch<q5_1::Block, q5_1::kMaxCode, q5_1::RoundBlock>>,
    kReadOnly<Launcher, q2_k::Block, q2_k::DecodeBlock>,
    kReadOnly<Launcher, q3_k::Block, q3_k::DecodeBlock>,
    kSearched<Launcher, q4_k::DecodeBlock, q4_k::PlainBlock,
              KAffineSearch<q4_k::Block, q4_k::kMaxCode, q4_k::PackBlock>>,
    kSearched<Launcher, q5_k::DecodeBlock, q5_k::PlainBlock,
              KAffineSearch<q5_k::Block, q5_k::kMaxCode, q5_k::PackBlock>>,
    kSearched<Launcher, q6_k::DecodeBlock, q6_k::PlainBlock,
              ScaledGroupsSearch<q6_k::Block, IntegerGrid<-q6_k::kZero, q6_k::kZero - 1>, q6_k::kMinScale,
                                 q6_k::kMaxScale, q6_k::RoundBlock>>,
    kSearched<Launcher, iq4_nl::DecodeBlock, iq4_nl::PlainBlock,
              HalfScaleSearch<iq4_nl::Block, Iq4Grid, iq4_nl::RoundBlock>>,
    kSearched<Launcher, iq4_xs::DecodeBlock, iq4_xs::PlainBlock,
              ScaledGroupsSearch<iq4_xs::Block, Iq4Grid, iq4_xs::kMinScale, iq4_xs::kMaxScale, iq4_xs::RoundBlock>>,
    kSearched<Launcher, mxfp4::DecodeBlock, mxfp4::PlainBlock, E8M0Search<mxfp4::Block, mxfp4::RoundBlock>>,
    kSearched<Launcher, nvfp4::DecodeBlock, nvfp4::PlainBlock, UE4M3Search<nvfp4::Block, nvfp4::RoundBlock>>,
    kSearched<Launcher, int4_group::DecodeBlock<32>, int4_group::PlainBlock<32>, Int4Search<32>>,
    kSearched<Launcher, int4_group::DecodeBlock<128>, int4_group::PlainBlock<128>, Int4Search<128>>,
    kReadOnly<Launcher, f8_e4m3::Block, f8_e4m3::DecodeBlock>,
    kReadOnly<Launcher, f8_e5m2::Block, f8_e5m2::DecodeBlock>,
    kReadOnly<Launcher, f8_e8m0::Block, f8_e8m0::DecodeBlock>,
    kReadOnly<Launcher, f4::Block, f4::DecodeBlock>,
    kReadOnly<Launcher, int4::Block, int4::DecodeBlock>,
};

template <typename Launcher>
const Codec<Launcher>& CodecOf(const BlockFormat& format) {
  static_assert(std::size(kCodecs<Launcher>) == static_cast<size_t>(Format::kInt4) + 1, "one row per format");
  return kCodecs<Launcher>[static_cast<int>(format.id)];
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_CODEC_KERNELS_H_
