// Takes the place of cuda_device.cu where the program is built without a CUDA toolkit.
#include "absl/status/status.h"
#include "device/cuda/cuda_device.h"

namespace nibble {

std::vector<int> EqualCudaGpus() { return {}; }

absl::StatusOr<std::unique_ptr<Device>> MakeCudaDevice(const CudaOptions&) {
  return absl::InvalidArgumentError(
      "--device cuda: expected a nibble built with the CUDA toolkit, found one built without; use --device cpu, or "
      "build it where there is a toolkit");
}

}  // namespace nibble
