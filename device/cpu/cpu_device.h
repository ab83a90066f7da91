// The host's processor as a device: OpenMP over fixed blocks, oneDNN for the products inside them.
#ifndef NIBBLE_DEVICE_CPU_CPU_DEVICE_H_
#define NIBBLE_DEVICE_CPU_CPU_DEVICE_H_

#include <memory>
#include <mutex>

#include "device/device.h"

namespace nibble {

class CpuDevice : public Device {
 public:
  // `threads` 0: all processors.
  explicit CpuDevice(int threads = 0);

  absl::string_view name() const override { return "cpu"; }
  const Operations& operations() const override;
  int threads() const override { return threads_; }

  absl::StatusOr<Buffer> Allocate(int64_t floats) override;
  void Upload(absl::Span<const float> from, float* to) override;
  absl::Status Download(const float* from, absl::Span<float> to) override;

  // For operations: the first failure stays, and every Download from now on returns it. Thread-safe.
  void Fail(const absl::Status& status);

 private:
  const int threads_;
  std::mutex mutex_;
  absl::Status failure_;
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_CPU_CPU_DEVICE_H_
