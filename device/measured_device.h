// A device that counts what it does, around one that does it.
#ifndef NIBBLE_DEVICE_MEASURED_DEVICE_H_
#define NIBBLE_DEVICE_MEASURED_DEVICE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "device/device.h"

namespace nibble {

// Time is counted from when an operation is asked for to when it is done, as far as the host can know: on the host when
// it returns, elsewhere when the next Download or an operation that is complete has returned.
class MeasuredDevice : public Device {
 public:
  explicit MeasuredDevice(std::unique_ptr<Device> inner) : MeasuredDevice(inner.get(), std::make_shared<Counters>()) {
    owned_ = std::move(inner);
  }

  absl::string_view name() const override { return inner_->name(); }
  const Operations& operations() const override;
  int threads() const override { return inner_->threads(); }
  bool is_host() const override { return inner_->is_host(); }
  DevicePeak peak() const override { return inner_->peak(); }
  DeviceUse use() const override;  // with that of its side
  absl::StatusOr<Device*> Side() override;

  absl::StatusOr<Buffer> Allocate(int64_t floats) override { return inner_->Allocate(floats); }
  void Upload(absl::Span<const float> from, float* to) override { inner_->Upload(from, to); }
  absl::Status Download(const float* from, absl::Span<float> to) override;

  // For the table of operations.
  Device& inner() { return *inner_; }
  void Begin(double flops, double bytes);
  void End(bool is_complete);

 private:
  using Clock = std::chrono::steady_clock;

  struct Counters {
    std::mutex mutex;  // of what follows
    DeviceUse use;
    int running = 0;       // operations that have not returned
    bool is_open = false;  // something may be under way since `since`
    Clock::time_point since;
  };

  MeasuredDevice(Device* inner, std::shared_ptr<Counters> counters) : inner_(inner), counters_(std::move(counters)) {}

  std::unique_ptr<Device> owned_;  // null: a side, whose inner device is the other's
  Device* const inner_;
  std::unique_ptr<MeasuredDevice> side_;
  const std::shared_ptr<Counters> counters_;
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_MEASURED_DEVICE_H_
