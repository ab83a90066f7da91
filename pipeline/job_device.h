// The devices that a user asks for, by name.
#ifndef NIBBLE_PIPELINE_JOB_DEVICE_H_
#define NIBBLE_PIPELINE_JOB_DEVICE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "device/make_device.h"

namespace nibble {

// `name` is "cpu", "cuda" or "auto". What the ranks of this machine take in turn: the CPU, or its GPUs (EqualGpus), of
// which the first is tried for "auto". At least one; never kAuto.
// kInvalidArgument: another name, or a program without CUDA; kResourceExhausted: no GPU, or no driver.
absl::StatusOr<std::vector<DeviceChoice>> FindDevices(absl::string_view name);

// Its name, "cpu", "cuda (NVIDIA H200, cuBLAS 130000)". It is tried, so that one that does not work is known before a
// job begins. Errors as MakeDevice has them.
absl::StatusOr<std::string> TryDevice(const DeviceChoice& choice);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_JOB_DEVICE_H_
