// The operations on number formats.
#ifndef NIBBLE_DEVICE_CUDA_CODECS_H_
#define NIBBLE_DEVICE_CUDA_CODECS_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "device/cuda/codec_kernels.h"
#include "device/cuda/scratch.h"
#include "device/operations.h"
#include "quant/block/format.h"

namespace nibble::cuda {

template <typename Backend>
void Decode(Device& device, const BlockFormat& format, absl::Span<const std::byte> blocks, float* values) {
  auto& backend = static_cast<Backend&>(device);
  const Scratch<std::byte> on_device(backend, blocks);
  if (!on_device.ok()) return;
  CodecOf<typename Backend::Launcher>(format).decode(backend.launcher(), blocks.size() / format.block_bytes,
                                                     on_device.data(), values);
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
    CodecOf<typename Backend::Launcher>(format).encode_rtn(backend.launcher(), count, values, out);
  });
}

template <typename Backend>
void EncodeWeighted(Device& device, const BlockFormat& format, ConstMatrix values, const float* weights,
                    absl::Span<std::byte> blocks) {
  EncodeInto<Backend>(device, format, blocks, [&](Backend& backend, int64_t count, std::byte* out) {
    CodecOf<typename Backend::Launcher>(format).encode_weighted(
        backend.launcher(), count, values.cols / format.block_elements, values.data, weights, out);
  });
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_CODECS_H_
