// Number formats on the device, a thread for each block: the formats' own inline maths, so the CPU's bytes.
//
// A search needs all registers of a thread, and for blocks of 256 values up to 6 KB of its local memory. A new format
// gets a row in kCodecs.
#ifndef NIBBLE_DEVICE_CUDA_CODECS_H_
#define NIBBLE_DEVICE_CUDA_CODECS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "absl/types/span.h"
#include "device/cuda/kernel.h"
#include "device/cuda/scratch.h"
#include "device/operations.h"
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
template <typename Backend>
struct Codec {
  void (*decode)(Backend& backend, int64_t count, const std::byte* blocks, float* values);
  void (*encode_rtn)(Backend& backend, int64_t count, const float* values, std::byte* blocks);
  void (*encode_weighted)(Backend& backend, int64_t count, int64_t row_blocks, const float* values,
                          const float* weights, std::byte* blocks);
};

template <typename Backend, typename Block, auto kDecode>
void RunDecode(Backend& backend, int64_t count, const std::byte* blocks, float* values) {
  backend.ForEach(count, DecodeKernel<Block, kDecode>{blocks, values});
}

template <typename Backend, typename Block, auto kEncode>
void RunEncode(Backend& backend, int64_t count, const float* values, std::byte* blocks) {
  backend.ForEach(count, EncodeKernel<Block, kEncode>{values, blocks});
}

template <typename Backend, typename Search, auto kDecode, auto kPlain>
void RunSearch(Backend& backend, int64_t count, int64_t row_blocks, const float* values, const float* weights,
               std::byte* blocks) {
  backend.ForEach(count, SearchKernel<Search, kDecode, kPlain>{values, weights, row_blocks, blocks});
}

// Where there is nothing to search for.
template <typename Backend, typename Block, auto kEncode>
void RunNoSearch(Backend& backend, int64_t count, int64_t /*row_blocks*/, const float* values, const float* /*weights*/,
                 std::byte* blocks) {
  RunEncode<Backend, Block, kEncode>(backend, count, values, blocks);
}

template <typename Backend, typename Block, auto kDecode>
inline constexpr Codec<Backend> kReadOnly = {RunDecode<Backend, Block, kDecode>, nullptr, nullptr};
template <typename Backend, typename Block, auto kDecode, auto kEncode>
inline constexpr Codec<Backend> kPlainOnly = {RunDecode<Backend, Block, kDecode>, RunEncode<Backend, Block, kEncode>,
                                              RunNoSearch<Backend, Block, kEncode>};
template <typename Backend, auto kDecode, auto kPlain, typename Search>
inline constexpr Codec<Backend> kSearched = {RunDecode<Backend, typename Search::Block, kDecode>,
                                             RunEncode<Backend, typename Search::Block, kPlain>,
                                             RunSearch<Backend, Search, kDecode, kPlain>};

// In the order of Format; the searches are those of the formats' own files.
template <typename Backend>
inline constexpr Codec<Backend> kCodecs[] = {
    kPlainOnly<Backend, f32::Block, DecodeF32, EncodeF32>,
    kPlainOnly<Backend, f16::Block, f16::DecodeBlock, f16::PlainBlock>,
    kPlainOnly<Backend, bf16::Block, bf16::DecodeBlock, bf16::PlainBlock>,
    kSearched<Backend, q8_0::DecodeBlock, q8_0::PlainBlock,
              HalfScaleSearch<q8_0::Block, IntegerGrid<-q8_0::kMaxCode, q8_0::kMaxCode>, q8_0::RoundBlock>>,
    kSearched<Backend, q4_0::DecodeBlock, q4_0::PlainBlock,
              HalfScaleSearch<q4_0::Block, IntegerGrid<-8, 7>, q4_0::RoundBlock>>,
    kSearched<Backend, q4_1::DecodeBlock, q4_1::PlainBlock,
              HalfAffineSearch<q4_1::Block, q4_1::kMaxCode, q4_1::RoundBlock>>,
    kSearched<Backend, q5_0::DecodeBlock, q5_0::PlainBlock,
              HalfScaleSearch<q5_0::Block, IntegerGrid<-16, 15>, q5_0::RoundBlock>>,
    kSearched<Backend, q5_1::DecodeBlock, q5_1::PlainBlock,
              HalfAffineSearch<q5_1::Block, q5_1::kMaxCode, q5_1::RoundBlock>>,
    kReadOnly<Backend, q2_k::Block, q2_k::DecodeBlock>,
    kReadOnly<Backend, q3_k::Block, q3_k::DecodeBlock>,
    kSearched<Backend, q4_k::DecodeBlock, q4_k::PlainBlock,
              KAffineSearch<q4_k::Block, q4_k::kMaxCode, q4_k::PackBlock>>,
    kSearched<Backend, q5_k::DecodeBlock, q5_k::PlainBlock,
              KAffineSearch<q5_k::Block, q5_k::kMaxCode, q5_k::PackBlock>>,
    kSearched<Backend, q6_k::DecodeBlock, q6_k::PlainBlock,
              ScaledGroupsSearch<q6_k::Block, IntegerGrid<-q6_k::kZero, q6_k::kZero - 1>, q6_k::kMinScale,
                                 q6_k::kMaxScale, q6_k::RoundBlock>>,
    kSearched<Backend, iq4_nl::DecodeBlock, iq4_nl::PlainBlock,
              HalfScaleSearch<iq4_nl::Block, Iq4Grid, iq4_nl::RoundBlock>>,
    kSearched<Backend, iq4_xs::DecodeBlock, iq4_xs::PlainBlock,
              ScaledGroupsSearch<iq4_xs::Block, Iq4Grid, iq4_xs::kMinScale, iq4_xs::kMaxScale, iq4_xs::RoundBlock>>,
    kSearched<Backend, mxfp4::DecodeBlock, mxfp4::PlainBlock, E8M0Search<mxfp4::Block, mxfp4::RoundBlock>>,
    kSearched<Backend, nvfp4::DecodeBlock, nvfp4::PlainBlock, UE4M3Search<nvfp4::Block, nvfp4::RoundBlock>>,
    kSearched<Backend, int4_group::DecodeBlock<32>, int4_group::PlainBlock<32>, Int4Search<32>>,
    kSearched<Backend, int4_group::DecodeBlock<128>, int4_group::PlainBlock<128>, Int4Search<128>>,
    kReadOnly<Backend, f8_e4m3::Block, f8_e4m3::DecodeBlock>,
    kReadOnly<Backend, f8_e5m2::Block, f8_e5m2::DecodeBlock>,
    kReadOnly<Backend, f8_e8m0::Block, f8_e8m0::DecodeBlock>,
    kReadOnly<Backend, f4::Block, f4::DecodeBlock>,
    kReadOnly<Backend, int4::Block, int4::DecodeBlock>,
};

template <typename Backend>
const Codec<Backend>& CodecOf(const BlockFormat& format) {
  static_assert(std::size(kCodecs<Backend>) == static_cast<size_t>(Format::kInt4) + 1, "one row per format");
  return kCodecs<Backend>[static_cast<int>(format.id)];
}

template <typename Backend>
void Decode(Device& device, const BlockFormat& format, absl::Span<const std::byte> blocks, float* values) {
  auto& backend = static_cast<Backend&>(device);
  const Scratch<std::byte> on_device(backend, blocks);
  if (!on_device.ok()) return;
  CodecOf<Backend>(format).decode(backend, blocks.size() / format.block_bytes, on_device.data(), values);
}

// encode(backend, how many, blocks) makes blocks in the device's memory.
template <typename Backend, typename Encode>
void EncodeInto(Device& device, const BlockFormat& format, absl::Span<std::byte> blocks, Encode encode) {
  auto& backend = static_cast<Backend&>(device);
  const Scratch<std::byte> on_device(backend, static_cast<int64_t>(blocks.size()));
  if (!on_device.ok()) return;
  encode(backend, static_cast<int64_t>(blocks.size() / format.block_bytes), on_device.data());
  backend.CopyOut(on_device.data(), blocks.size(), blocks.data());
}

template <typename Backend>
void EncodeRtn(Device& device, const BlockFormat& format, const float* values, absl::Span<std::byte> blocks) {
  EncodeInto<Backend>(device, format, blocks, [&](Backend& backend, int64_t count, std::byte* out) {
    CodecOf<Backend>(format).encode_rtn(backend, count, values, out);
  });
}

template <typename Backend>
void EncodeWeighted(Device& device, const BlockFormat& format, ConstMatrix values, const float* weights,
                    absl::Span<std::byte> blocks) {
  EncodeInto<Backend>(device, format, blocks, [&](Backend& backend, int64_t count, std::byte* out) {
    CodecOf<Backend>(format).encode_weighted(backend, count, values.cols / format.block_elements, values.data, weights,
                                             out);
  });
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_CODECS_H_
