// A device that counts what it does, around one that does it.
#ifndef NIBBLE_DEVICE_MEASURED_DEVICE_H_
#define NIBBLE_DEVICE_MEASURED_DEVICE_H_

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "device/busy_time.h"
#include "device/device.h"

namespace nibble {

// What a stage of a job took, and what the device did for it.
struct StageUse {
  absl::string_view stage;  // as EnterStage was told; empty: outside of any
  bool beside = false;      // by a side, while the other stages go on
  double seconds = 0;       // from entering to leaving it, without those of stages within
  double busy_seconds = 0;  // of these, with the device at work
  double flops = 0;         // of products of matrices, attention and solving: 2 m n k, whatever is zero in them
  double bytes = 0;         // of the operands of all operations, and of copies: each read or written once
};

// The device is at work from when it is asked for an operation to when the host knows that it is done. On the host, and
// where an operation is complete when it returns, that is when it returns; of what is queued, it is when the next
// Download or complete operation returns, or the stage ends, which waits for it. So what a GPU is said to have been at
// work is the most that it can have been: gaps that the host leaves between operations count. What loads weights
// (Upload, decode, largest_magnitude) counts while the host is in the call.
//
// Operations take no lock and two looks at the clock; stages a lock.
class MeasuredDevice : public Device {
 public:
  explicit MeasuredDevice(std::unique_ptr<Device> inner);
  ~MeasuredDevice() override;

  absl::string_view name() const override { return inner_->name(); }
  const Operations& operations() const override;
  int threads() const override { return inner_->threads(); }
  bool is_host() const override { return inner_->is_host(); }
  DevicePeak peak() const override { return inner_->peak(); }
  absl::string_view EnterStage(absl::string_view stage) override;
  absl::StatusOr<Device*> Side() override;
  DeviceLinker* linker() override { return inner_->linker(); }
  absl::StatusOr<Buffer> Allocate(int64_t floats) override { return inner_->Allocate(floats); }
  void Upload(absl::Span<const float> from, float* to) override;
  absl::Status Download(const float* from, absl::Span<float> to) override;

  // So far: its stages in the order in which they were entered first, then those of its side. The former's seconds add
  // up to the time since it was made. REQUIRES: called by the thread that asks for operations.
  std::vector<StageUse> Stages() const;

 private:
  struct Stage {
    explicit Stage(absl::string_view name) : name(name) {}

    const absl::string_view name;
    double seconds = 0;
    BusyTime busy;
    std::atomic<double> flops = 0, bytes = 0;
  };
  class Call;
  template <auto kOperation, auto kCost, auto kDone>
  struct Measured;
  using Clock = std::chrono::steady_clock;

  MeasuredDevice(Device* inner, bool is_side);

  Stage& Find(absl::string_view name);
  void EndQueued();  // they are done
  void Append(std::vector<StageUse>& stages) const;

  const bool is_side_;
  std::unique_ptr<Device> owned_;  // null: a side, whose inner device is the other's
  Device* const inner_;
  std::unique_ptr<MeasuredDevice> side_;
  mutable std::mutex mutex_;  // of the list, the stages' seconds, and since when it is in one
  std::deque<Stage> stages_;
  Clock::time_point entered_ = Clock::now();
  std::atomic<Stage*> stage_;   // the one that it is in
  Stage* queued_in_ = nullptr;  // where there are operations that may not be done
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_MEASURED_DEVICE_H_
