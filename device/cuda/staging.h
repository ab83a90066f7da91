// Pinned host memory that copies to and from a GPU go through: the only kind that a GPU reads while the host goes on.
#ifndef NIBBLE_DEVICE_CUDA_STAGING_H_
#define NIBBLE_DEVICE_CUDA_STAGING_H_

#include <cuda_runtime_api.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "absl/status/status.h"
#include "device/cuda/cuda_status.h"
#include "device/cuda/current_gpu.h"

namespace nibble::cuda {

// Thread-safe.
class Staging {
 public:
  // The stream is this GPU's.
  Staging(int gpu, cudaStream_t stream) : gpu_(gpu), stream_(stream) {}
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() {
    MakeCurrent(gpu_);
    for (const Slot& slot : slots_) {
      if (slot.event != nullptr) cudaEventDestroy(slot.event);
      if (slot.memory != nullptr) cudaFreeHost(slot.memory);
    }
  }

  // Queues a copy; `from` is free again when it returns.
  absl::Status CopyIn(const void* from, int64_t bytes, void* to) {
    return InPieces(bytes, [&](Slot& slot, int64_t at, int64_t count) {
      std::memcpy(slot.memory, static_cast<const char*>(from) + at, count);
      cudaError_t error =
          cudaMemcpyAsync(static_cast<char*>(to) + at, slot.memory, count, cudaMemcpyHostToDevice, stream_);
      if (error == cudaSuccess) error = cudaEventRecord(slot.event, stream_);
      return error;
    });
  }

  // Waits for the copy, and so for all that was queued before it.
  absl::Status CopyOut(const void* from, int64_t bytes, void* to) {
    return InPieces(bytes, [&](Slot& slot, int64_t at, int64_t count) {
      cudaError_t error =
          cudaMemcpyAsync(slot.memory, static_cast<const char*>(from) + at, count, cudaMemcpyDeviceToHost, stream_);
      if (error == cudaSuccess) error = cudaStreamSynchronize(stream_);
      if (error == cudaSuccess) std::memcpy(static_cast<char*>(to) + at, slot.memory, count);
      return error;
    });
  }

 private:
  static constexpr int64_t kSlotBytes = int64_t{4} << 20;

  struct Slot {
    void* memory = nullptr;
    cudaEvent_t event = nullptr;  // behind the copy that last read the memory
    bool taken = false;
  };

  template <typename Copy>
  absl::Status InPieces(int64_t bytes, Copy copy) {
    MakeCurrent(gpu_);
    for (int64_t at = 0; at < bytes; at += kSlotBytes) {
      Slot& slot = Take();
      cudaError_t error = Prepare(slot);
      if (error == cudaSuccess) error = copy(slot, at, std::min(kSlotBytes, bytes - at));
      Return(slot);
      if (error != cudaSuccess) return CudaStatus(error, "copy between host and GPU");
    }
    return absl::OkStatus();
  }

  // There is memory, and no copy reads it any more.
  static cudaError_t Prepare(Slot& slot) {
    cudaError_t error = cudaSuccess;
    if (slot.memory == nullptr) error = cudaMallocHost(&slot.memory, kSlotBytes);
    if (error == cudaSuccess && slot.event == nullptr) {
      error = cudaEventCreateWithFlags(&slot.event, cudaEventDisableTiming);
    }
    return error == cudaSuccess ? cudaEventSynchronize(slot.event) : error;
  }

  Slot& Take() {
    std::unique_lock lock(mutex_);
    for (;; returned_.wait(lock)) {
      for (size_t i = 0; i < slots_.size(); ++i) {
        Slot& slot = slots_[next_++ % slots_.size()];  // the one whose copy began first
        if (slot.taken) continue;
        slot.taken = true;
        return slot;
      }
    }
  }

  void Return(Slot& slot) {
    std::lock_guard lock(mutex_);
    slot.taken = false;
    returned_.notify_one();
  }

  const int gpu_;
  const cudaStream_t stream_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::array<Slot, 8> slots_;
  size_t next_ = 0;
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_STAGING_H_
