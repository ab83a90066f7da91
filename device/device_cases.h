// Every device, for tests that run over all of them.
#ifndef NIBBLE_DEVICE_DEVICE_CASES_H_
#define NIBBLE_DEVICE_DEVICE_CASES_H_

#include <memory>

#include "absl/status/statusor.h"
#include "device/cuda/host_backend.h"
#include "device/device.h"
#include "device/make_device.h"

namespace nibble {

using MadeDevice = absl::StatusOr<std::unique_ptr<Device>>;

struct DeviceCase {
  const char* name;
  MadeDevice (*make)(int threads);
};

// cuda's tests are skipped where there is no GPU; its kernels are tested on the host all the same.
inline const DeviceCase kDevices[] = {
    {"cpu", [](int threads) -> MadeDevice { return MakeDevice({.threads = threads}); }},
    {"cuda", [](int threads) -> MadeDevice { return MakeDevice({.device = DeviceKind::kCuda, .threads = threads}); }},
    {"cuda_kernels_on_host", [](int threads) -> MadeDevice { return std::make_unique<cuda::HostBackend>(threads); }},
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_DEVICE_CASES_H_
