// The host's processor as a device: OpenMP over fixed blocks, oneDNN for the products inside them.
#ifndef NIBBLE_DEVICE_CPU_CPU_DEVICE_H_
#define NIBBLE_DEVICE_CPU_CPU_DEVICE_H_

#include <cstdint>
#include <deque>
#include <mutex>

#include "device/device.h"

namespace nibble {

class CpuDevice : public Device {
 public:
  // `threads` 0: all processors. `steady`: DeviceOptions::steady.
  explicit CpuDevice(int threads = 0, bool steady = false);
  ~CpuDevice() override;

  absl::string_view name() const override { return "cpu"; }
  const Operations& operations() const override;
  int threads() const override { return threads_; }
  bool steady() const { return steady_; }
  bool is_host() const override { return true; }
  absl::StatusOr<Device*> Side() override { return this; }  // there is no queue

  // Of buffers that are no longer used the last ones are kept: batch by batch the same sizes are asked for, and memory
  // fresh from the system is zeroed first. Thread-safe.
  absl::StatusOr<Buffer> Allocate(int64_t floats) override;
  void Upload(absl::Span<const float> from, float* to) override;
  absl::Status Download(const float* from, absl::Span<float> to) override;

  // For operations: the first failure stays, and every Download from now on returns it. Thread-safe.
  void Fail(const absl::Status& status);

 private:
  struct Kept {
    float* memory;
    int64_t floats;
  };

  float* TakeKept(int64_t floats);  // null if there is none
  void Keep(float* memory, int64_t floats);

  const int threads_;
  const bool steady_;
  std::mutex mutex_;  // of what follows
  absl::Status failure_;
  std::deque<Kept> kept_;  // the last one to become free at the end
  int64_t kept_floats_ = 0;
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_CPU_CPU_DEVICE_H_
