// For tests: a device with little memory, or one that is lost.
#ifndef NIBBLE_DEVICE_CUDA_LIMITED_BACKEND_H_
#define NIBBLE_DEVICE_CUDA_LIMITED_BACKEND_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/cuda/host_backend.h"
#include "device/device.h"

namespace nibble::cuda {

struct Limits {
  int64_t floats = std::numeric_limits<int64_t>::max();     // that there is room for
  int64_t downloads = std::numeric_limits<int64_t>::max();  // until it is lost
};

// Its side has the same memory.
class LimitedBackend : public HostBackend {
 public:
  explicit LimitedBackend(const Limits& limits, int threads = 1)
      : LimitedBackend(std::make_shared<Use>(limits), threads) {}

  // Floats that were there at once, at most.
  int64_t most_used() const { return use_->most_used; }

  absl::StatusOr<Device*> Side() override {
    if (side_ == nullptr) side_.reset(new LimitedBackend(use_, threads()));
    return side_.get();
  }

  absl::StatusOr<Buffer> Allocate(int64_t floats) override {
    std::lock_guard lock(use_->mutex);
    if (floats > use_->left.floats) return absl::ResourceExhaustedError("device memory: expected room, found none");
    absl::StatusOr<Buffer> buffer = HostBackend::Allocate(floats);
    if (!buffer.ok()) return buffer;
    use_->left.floats -= floats;
    use_->used += floats;
    use_->most_used = std::max(use_->most_used, use_->used);
    const auto held = std::make_shared<Buffer>(*std::move(buffer));
    const auto free = [held, floats, use = use_](float*) {
      *held = Buffer();
      std::lock_guard lock(use->mutex);
      use->left.floats += floats;
      use->used -= floats;
    };
    return Buffer(Buffer::Memory(held->data(), free), floats);
  }

  absl::Status Download(const float* from, absl::Span<float> to) override {
    {
      std::lock_guard lock(use_->mutex);
      if (use_->left.downloads-- <= 0) Fail(absl::AbortedError("GPU: expected success, found it lost; run again"));
    }
    return HostBackend::Download(from, to);
  }

 private:
  struct Use {
    explicit Use(const Limits& limits) : left(limits) {}

    std::mutex mutex;  // of what follows
    Limits left;
    int64_t used = 0, most_used = 0;
  };

  LimitedBackend(std::shared_ptr<Use> use, int threads) : HostBackend(threads), use_(std::move(use)) {}

  const std::shared_ptr<Use> use_;
  std::unique_ptr<LimitedBackend> side_;
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_LIMITED_BACKEND_H_
