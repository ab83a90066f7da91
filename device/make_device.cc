#include "device/make_device.h"

#include <utility>

#include "base/status.h"
#include "device/cpu/cpu_device.h"
#include "device/cuda/cuda_device.h"
#include "device/device.h"

namespace nibble {

namespace {

absl::StatusOr<std::unique_ptr<Device>> MakeBareDevice(const DeviceOptions& options) {
  auto cpu = std::make_unique<CpuDevice>(options.threads, options.steady);
  if (options.kind == DeviceKind::kCpu) return cpu;
  absl::StatusOr<std::unique_ptr<Device>> cuda = MakeCudaDevice({.threads = cpu->threads(), .bf16 = options.bf16});
  if (!cuda.ok() && options.kind == DeviceKind::kAuto) return cpu;
  return cuda;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MeasuredDevice>> MakeDevice(const DeviceOptions& options) {
  NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<Device> device, MakeBareDevice(options));
  return std::make_unique<MeasuredDevice>(std::move(device));
}

}  // namespace nibble
