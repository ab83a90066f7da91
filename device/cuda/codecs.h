// Number formats on the device, a thread for each block: the formats' own inline maths, so the CPU's bytes.
//
// A new format gets a row in kCodecs.
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
#include "quant/block/bf16.h"
#include "quant/block/f16.h"
#include "quant/block/f32.h"
#include "quant/block/f4.h"
#include "quant/block/f8_e4m3.h"
#include "quant/block/f8_e5m2.h"
#include "quant/block/f8_e8m0.h"
#include "quant/block/format.h"
#include "quant/block/int4.h"
#include "quant/block/int4_group.h"
#include "quant/block/iq4_nl.h"
#include "quant/block/iq4_xs.h"
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

NIBBLE_HOST_DEVICE inline void DecodeF32(const f32::Block& block, float* values) { *values = block.value; }
NIBBLE_HOST_DEVICE inline f32::Block EncodeF32(const float* values) { return {*values}; }

// A format's kernels over so many blocks in the device's memory.
template <typename Backend>
struct Codec {
  void (*decode)(Backend& backend, int64_t count, const std::byte* blocks, float* values);
  void (*encode_rtn)(Backend& backend, int64_t count, const float* values, std::byte* blocks);  // null: read only
};

template <typename Backend, typename Block, auto kDecode>
void RunDecode(Backend& backend, int64_t count, const std::byte* blocks, float* values) {
  backend.ForEach(count, DecodeKernel<Block, kDecode>{blocks, values});
}

template <typename Backend, typename Block, auto kEncode>
void RunEncode(Backend& backend, int64_t count, const float* values, std::byte* blocks) {
  backend.ForEach(count, EncodeKernel<Block, kEncode>{values, blocks});
}

template <typename Backend, typename Block, auto kDecode>
inline constexpr Codec<Backend> kReadOnly = {RunDecode<Backend, Block, kDecode>, nullptr};
template <typename Backend, typename Block, auto kDecode, auto kEncode>
inline constexpr Codec<Backend> kReadWrite = {RunDecode<Backend, Block, kDecode>, RunEncode<Backend, Block, kEncode>};

// In the order of Format.
template <typename Backend>
inline constexpr Codec<Backend> kCodecs[] = {
    kReadWrite<Backend, f32::Block, DecodeF32, EncodeF32>,
    kReadWrite<Backend, f16::Block, f16::DecodeBlock, f16::PlainBlock>,
    kReadWrite<Backend, bf16::Block, bf16::DecodeBlock, bf16::PlainBlock>,
    kReadWrite<Backend, q8_0::Block, q8_0::DecodeBlock, q8_0::PlainBlock>,
    kReadWrite<Backend, q4_0::Block, q4_0::DecodeBlock, q4_0::PlainBlock>,
    kReadWrite<Backend, q4_1::Block, q4_1::DecodeBlock, q4_1::PlainBlock>,
    kReadWrite<Backend, q5_0::Block, q5_0::DecodeBlock, q5_0::PlainBlock>,
    kReadWrite<Backend, q5_1::Block, q5_1::DecodeBlock, q5_1::PlainBlock>,
    kReadOnly<Backend, q2_k::Block, q2_k::DecodeBlock>,
    kReadOnly<Backend, q3_k::Block, q3_k::DecodeBlock>,
    kReadWrite<Backend, q4_k::Block, q4_k::DecodeBlock, q4_k::PlainBlock>,
    kReadWrite<Backend, q5_k::Block, q5_k::DecodeBlock, q5_k::PlainBlock>,
    kReadWrite<Backend, q6_k::Block, q6_k::DecodeBlock, q6_k::PlainBlock>,
    kReadWrite<Backend, iq4_nl::Block, iq4_nl::DecodeBlock, iq4_nl::PlainBlock>,
    kReadWrite<Backend, iq4_xs::Block, iq4_xs::DecodeBlock, iq4_xs::PlainBlock>,
    kReadWrite<Backend, mxfp4::Block, mxfp4::DecodeBlock, mxfp4::PlainBlock>,
    kReadWrite<Backend, nvfp4::Block, nvfp4::DecodeBlock, nvfp4::PlainBlock>,
    kReadWrite<Backend, int4_g32::Block, int4_group::DecodeBlock<32>, int4_group::PlainBlock<32>>,
    kReadWrite<Backend, int4_g128::Block, int4_group::DecodeBlock<128>, int4_group::PlainBlock<128>>,
    kReadOnly<Backend, f8_e4m3::Block, f8_e4m3::DecodeBlock>,
    kReadOnly<Backend, f8_e5m2::Block, f8_e5m2::DecodeBlock>,
    kReadOnly<Backend, f8_e8m0::Block, f8_e8m0::DecodeBlock>,
    kReadOnly<Backend, f4::Block, f4::DecodeBlock>,
    kReadOnly<Backend, int4::Block, int4::DecodeBlock>,
};

template <typename Backend>
void Decode(Device& device, const BlockFormat& format, absl::Span<const std::byte> blocks, float* values) {
  static_assert(std::size(kCodecs<Backend>) == static_cast<size_t>(Format::kInt4) + 1, "one row per format");
  auto& backend = static_cast<Backend&>(device);
  const Scratch<std::byte> on_device(backend, blocks);
  if (!on_device.ok()) return;
  kCodecs<Backend>[static_cast<int>(format.id)].decode(backend, blocks.size() / format.block_bytes, on_device.data(),
                                                       values);
}

template <typename Backend>
void EncodeRtn(Device& device, const BlockFormat& format, const float* values, absl::Span<std::byte> blocks) {
  auto& backend = static_cast<Backend&>(device);
  const Scratch<std::byte> on_device(backend, static_cast<int64_t>(blocks.size()));
  if (!on_device.ok()) return;
  kCodecs<Backend>[static_cast<int>(format.id)].encode_rtn(backend, blocks.size() / format.block_bytes, values,
                                                           on_device.data());
  backend.CopyOut(on_device.data(), blocks.size(), blocks.data());
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_CODECS_H_
