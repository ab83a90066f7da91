#include "pipeline/gpu_on_host.h"

#include <memory>

#include "absl/status/statusor.h"
#include "device/cuda/host_backend.h"
#include "device/cuda/limited_backend.h"
#include "device/cuda/linked_backend.h"
#include "device/device.h"

namespace nibble {

DeviceChoice GpuOnHost() {
  DeviceChoice choice = DeviceKind::kCuda;
  choice.make_gpu = [](const DeviceOptions& options) -> absl::StatusOr<std::unique_ptr<Device>> {
    return std::make_unique<cuda::HostBackend>(/*threads=*/1, options.bf16);
  };
  return choice;
}

DeviceChoice LinkedGpuOnHost() {
  DeviceChoice choice = DeviceKind::kCuda;
  choice.make_gpu = [](const DeviceOptions& options) -> absl::StatusOr<std::unique_ptr<Device>> {
    return std::make_unique<cuda::Linked<cuda::HostBackend>>(cuda::FakeGpu(), /*threads=*/1, options.bf16);
  };
  return choice;
}

DeviceChoice GpuThatGetsLost() {
  DeviceChoice choice = DeviceKind::kCuda;
  choice.make_gpu = [](const DeviceOptions&) -> absl::StatusOr<std::unique_ptr<Device>> {
    return std::make_unique<cuda::LimitedBackend>(cuda::Limits{.downloads = 3});
  };
  return choice;
}

}  // namespace nibble
