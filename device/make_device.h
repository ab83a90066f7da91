// Which device a job computes on.
#ifndef NIBBLE_DEVICE_MAKE_DEVICE_H_
#define NIBBLE_DEVICE_MAKE_DEVICE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "device/device.h"
#include "device/measured_device.h"

namespace nibble {

enum class DeviceKind {
  kCpu,
  kCuda,  // a GPU, or an error
  kAuto,  // a GPU where there is one, else the CPU
};

struct DeviceOptions;

// A kind, and of GPUs which one.
struct DeviceChoice {
  DeviceChoice(DeviceKind kind = DeviceKind::kCpu, int gpu = 0) : kind(kind), gpu(gpu) {}

  DeviceKind kind;
  int gpu;  // of those that the driver shows (CUDA_VISIBLE_DEVICES), from 0 on
  // For tests: what is made in a GPU's place. Null: the GPU.
  absl::StatusOr<std::unique_ptr<Device>> (*make_gpu)(const DeviceOptions& options) = nullptr;
};

// "cpu", "cuda:1".
std::string LabelOf(const DeviceChoice& choice);

// The GPUs that the driver shows and that are of the first one's kind, which is among them: ranks compute the same on
// each of these. None without a GPU, a driver, or CUDA.
std::vector<int> EqualGpus();

struct DeviceOptions {
  DeviceChoice device;
  int threads = 0;  // of the host; 0: all processors
  // For calibration: a GPU's linears and statistics take inputs rounded to bf16 (device/operations.h).
  bool bf16 = false;
  // For figures that are equal to the last digit however windows are divided: what products make of a row does not
  // depend on how many rows are beside it, nor which. Of the CPU alone.
  bool steady = false;
};

// One that counts what it does. kInvalidArgument: a program without CUDA was asked for it. kResourceExhausted: no GPU,
// or no driver.
absl::StatusOr<std::unique_ptr<MeasuredDevice>> MakeDevice(const DeviceOptions& options);

}  // namespace nibble

#endif  // NIBBLE_DEVICE_MAKE_DEVICE_H_
