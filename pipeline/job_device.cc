#include "pipeline/job_device.h"

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

absl::StatusOr<JobDevice> FindDevice(absl::string_view name) {
  for (const auto& known : kNames) {
    if (known.name != name) continue;
    NIBBLE_ASSIGN_OR_RETURN(const std::unique_ptr<Device> device, MakeDevice({.kind = known.kind, .threads = 1}));
    const std::string found(device->name());
    return JobDevice{found == "cpu" ? DeviceKind::kCpu : DeviceKind::kCuda, found};
  }
  return absl::InvalidArgumentError(absl::StrCat("--device: expected cpu, cuda or auto, found '", name, "'"));
}

absl::Status CheckSharesText(DeviceKind kind, int ranks) {
  if (ranks == 1 || kind == DeviceKind::kCpu) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--device: expected cpu, where ", ranks,
                                                 " processes share a calibration text, found another; a GPU works for "
                                                 "one process"));
}

}  // namespace nibble
