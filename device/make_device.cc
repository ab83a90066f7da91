#include "device/make_device.h"

#include <utility>

#include "device/cpu/cpu_device.h"
#include "device/cuda/cuda_device.h"

namespace nibble {

absl::StatusOr<std::unique_ptr<Device>> MakeDevice(const DeviceOptions& options) {
  auto cpu = std::make_unique<CpuDevice>(options.threads, options.steady);
  if (options.kind == DeviceKind::kCpu) return cpu;
  absl::StatusOr<std::unique_ptr<Device>> cuda = MakeCudaDevice({.threads = cpu->threads(), .bf16 = options.bf16});
  if (!cuda.ok() && options.kind == DeviceKind::kAuto) return cpu;
  return cuda;
}

}  // namespace nibble
