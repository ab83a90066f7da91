// Where the heavy operations run: memory of its own, and its twin of every operation.
#ifndef NIBBLE_DEVICE_DEVICE_H_
#define NIBBLE_DEVICE_DEVICE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "device/device_link.h"
#include "device/operations.h"

namespace nibble {

// Owns floats in a device's memory; empty by default. Outlived by its device.
class Buffer {
 public:
  using Memory = std::unique_ptr<float[], std::function<void(float*)>>;

  Buffer() = default;
  Buffer(Memory memory, int64_t size) : memory_(std::move(memory)), size_(size) {}

  float* data() const { return memory_.get(); }
  int64_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Its first rows * cols floats. REQUIRES: it has that many.
  Matrix matrix(int64_t rows, int64_t cols) const { return {data(), rows, cols}; }

 private:
  Memory memory_;
  int64_t size_ = 0;
};

// What a device may keep of buffers that are no longer used.
inline constexpr int64_t kKeptBytes = 64 << 20;

// What a device does in a second at best; 0: not known.
struct DevicePeak {
  double flops = 0;         // of float32
  double linear_flops = 0;  // of linears, in the device's own precision for them (Operations::linear)
  double bytes = 0;         // of its memory
};

// Operations and copies are issued from one thread at a time, except what loads weights: Upload, Operations::decode and
// largest_magnitude are safe beside one another, for ranges that do not overlap.
class Device {
 public:
  virtual ~Device() = default;

  virtual absl::string_view name() const = 0;
  virtual const Operations& operations() const = 0;
  virtual int threads() const = 0;  // of the host, for decoding weights and the like; >= 1

  // Whether it computes in the host's memory, on the host's threads: there is nothing to gain by handing it what the
  // host does by itself as well.
  virtual bool is_host() const { return false; }
  virtual DevicePeak peak() const { return {}; }

  // What the operations from here on are for, "attention", for devices that measure (device/measured_device.h); returns
  // what those before were for. REQUIRES: names are literals. For use by InStage (device/in_stage.h).
  virtual absl::string_view EnterStage(absl::string_view /*stage*/) { return {}; }

  // Another queue on the same device and its memory, for threads that load what this one needs next: its operations and
  // copies go on beside this one's. A buffer from it is good here once a Download there has returned. Owned by this
  // device; made when first asked for.
  virtual absl::StatusOr<Device*> Side() = 0;

  // By which it sends to others of its kind; null: the host's memory is as near. Owned by this device.
  virtual DeviceLinker* linker() { return nullptr; }

  // Thread-safe. Contents undefined. kResourceExhausted if there is no room.
  virtual absl::StatusOr<Buffer> Allocate(int64_t floats) = 0;
  virtual void Upload(absl::Span<const float> from, float* to) = 0;
  // Waits for the operations before it; reports the first failure among them.
  virtual absl::Status Download(const float* from, absl::Span<float> to) = 0;
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_DEVICE_H_
