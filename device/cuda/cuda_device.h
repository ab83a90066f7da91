// One GPU of this machine as a device: kernels of our own, cuBLAS and cuSOLVER where the machine has them.
#ifndef NIBBLE_DEVICE_CUDA_CUDA_DEVICE_H_
#define NIBBLE_DEVICE_CUDA_CUDA_DEVICE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "device/device.h"

namespace nibble {

struct CudaOptions {
  int threads = 1;    // of the host; >= 1
  bool bf16 = false;  // linears and statistics take inputs rounded to bf16 (device/operations.h)
};

// The first GPU that the driver shows (CUDA_VISIBLE_DEVICES chooses). kInvalidArgument: this program was built without
// CUDA. kResourceExhausted: there is no GPU, or no driver for it.
//
// A device whose GPU is lost, or that has no memory left, says so at the next Download: kAborted, kResourceExhausted.
absl::StatusOr<std::unique_ptr<Device>> MakeCudaDevice(const CudaOptions& options);

}  // namespace nibble

#endif  // NIBBLE_DEVICE_CUDA_CUDA_DEVICE_H_
