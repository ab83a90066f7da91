// Room in a device's memory for what an operation needs meanwhile, of any plain type.
#ifndef NIBBLE_DEVICE_CUDA_SCRATCH_H_
#define NIBBLE_DEVICE_CUDA_SCRATCH_H_

#include <cstdint>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"

namespace nibble::cuda {

template <typename T>
class Scratch {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  // Contents undefined. Without room, the device has failed and ok() is false.
  template <typename Backend>
  Scratch(Backend& backend, int64_t count) {
    absl::StatusOr<Buffer> buffer = backend.AllocateScratch((count * sizeof(T) + sizeof(float) - 1) / sizeof(float));
    ok_ = buffer.ok();
    if (ok_) {
      buffer_ = *std::move(buffer);
    } else {
      backend.Fail(buffer.status());
    }
  }

  // With the host's values in it.
  template <typename Backend>
  Scratch(Backend& backend, absl::Span<const T> values) : Scratch(backend, static_cast<int64_t>(values.size())) {
    if (ok_) backend.CopyIn(values.data(), values.size() * sizeof(T), data());
  }

  bool ok() const { return ok_; }
  T* data() const { return reinterpret_cast<T*>(buffer_.data()); }

 private:
  Buffer buffer_;
  bool ok_ = false;
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_SCRATCH_H_
