#include "device/make_device.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "device/cpu/cpu_device.h"
#include "device/cuda/cuda_device.h"
#include "device/device.h"

namespace nibble {

namespace {

absl::StatusOr<std::unique_ptr<Device>> MakeBareDevice(const DeviceOptions& options) {
  auto cpu = std::make_unique<CpuDevice>(options.threads, options.steady);
  const auto [kind, gpu, make_gpu] = options.device;
  if (kind == DeviceKind::kCpu) return cpu;
  if (make_gpu != nullptr) return make_gpu(options);
  absl::StatusOr<std::unique_ptr<Device>> cuda =
      MakeCudaDevice({.gpu = gpu, .threads = cpu->threads(), .bf16 = options.bf16});
  if (!cuda.ok() && kind == DeviceKind::kAuto) return cpu;
  return cuda;
}

}  // namespace

std::string LabelOf(const DeviceChoice& choice) {
  return choice.kind == DeviceKind::kCpu ? "cpu" : absl::StrCat("cuda:", choice.gpu);
}

std::vector<int> EqualGpus() { return EqualCudaGpus(); }

absl::StatusOr<std::unique_ptr<MeasuredDevice>> MakeDevice(const DeviceOptions& options) {
  NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<Device> device, MakeBareDevice(options));
  return std::make_unique<MeasuredDevice>(std::move(device));
}

}  // namespace nibble
