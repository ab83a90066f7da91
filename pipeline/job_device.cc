#include "pipeline/job_device.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "device/device.h"

namespace nibble {
namespace {

constexpr struct {
  absl::string_view name;
  DeviceKind kind;
} kNames[] = {{"cpu", DeviceKind::kCpu}, {"cuda", DeviceKind::kCuda}, {"auto", DeviceKind::kAuto}};

}  // namespace

absl::StatusOr<std::vector<DeviceChoice>> FindDevices(absl::string_view name) {
  const auto known =
      std::find_if(std::begin(kNames), std::end(kNames), [&](const auto& each) { return each.name == name; });
  if (known == std::end(kNames)) {
    return absl::InvalidArgumentError(absl::StrCat("--device: expected cpu, cuda or auto, found '", name, "'"));
  }
  std::vector<DeviceChoice> gpus;
  if (known->kind != DeviceKind::kCpu) {
    for (const int gpu : EqualGpus()) gpus.emplace_back(DeviceKind::kCuda, gpu);
  }
  if (known->kind == DeviceKind::kCuda) {
    if (gpus.empty()) NIBBLE_RETURN_IF_ERROR(TryDevice(DeviceKind::kCuda).status());
    return gpus;
  }
  if (gpus.empty() || !TryDevice(gpus[0]).ok()) return std::vector<DeviceChoice>{DeviceKind::kCpu};
  return gpus;
}

absl::StatusOr<std::string> TryDevice(const DeviceChoice& choice) {
  NIBBLE_ASSIGN_OR_RETURN(const std::unique_ptr<Device> device, MakeDevice({.device = choice, .threads = 1}));
  return std::string(device->name());
}

}  // namespace nibble
