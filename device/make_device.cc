#include "device/make_device.h"

#include <utility>

#include "device/cpu/cpu_device.h"
#include "device/cuda/cuda_device.h"
#include "device/measured_device.h"

namespace nibble {

absl::StatusOr<std::unique_ptr<Device>> MakeDevice(const DeviceOptions& options) {
  auto cpu = std::make_unique<CpuDevice>(options.threads, options.steady);
  if (options.kind == DeviceKind::kCpu) return std::make_unique<MeasuredDevice>(std::move(cpu));
  absl::StatusOr<std::unique_ptr<Device>> cuda = MakeCudaDevice({.threads = cpu->threads(), .bf16 = options.bf16});
  if (cuda.ok()) return std::make_unique<MeasuredDevice>(*std::move(cuda));
  if (options.kind == DeviceKind::kAuto) return std::make_unique<MeasuredDevice>(std::move(cpu));
  return cuda.status();
}

}  // namespace nibble
