// The device that a user asks for, by name.
#ifndef NIBBLE_PIPELINE_JOB_DEVICE_H_
#define NIBBLE_PIPELINE_JOB_DEVICE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "device/make_device.h"

namespace nibble {

struct JobDevice {
  DeviceKind kind;   // never kAuto
  std::string name;  // "cpu", "cuda (NVIDIA H200, cuBLAS 130000)"
};

// `name` is "cpu", "cuda" or "auto". A GPU is tried, so that one that is not there is known before a job begins.
// kInvalidArgument: another name, or a program without CUDA; kResourceExhausted: no GPU, or no driver.
absl::StatusOr<JobDevice> FindDevice(absl::string_view name);

// Whether so many ranks can share a text on it: kInvalidArgument for several and a GPU, which gives no row the same
// bits whatever is beside it.
absl::Status CheckSharesText(DeviceKind kind, int ranks);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_JOB_DEVICE_H_
