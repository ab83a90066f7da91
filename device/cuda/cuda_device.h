// One GPU of this machine as a device: kernels of our own, cuBLAS and cuSOLVER where the machine has them.
#ifndef NIBBLE_DEVICE_CUDA_CUDA_DEVICE_H_
#define NIBBLE_DEVICE_CUDA_CUDA_DEVICE_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "device/device.h"

namespace nibble {

struct CudaOptions {
  int gpu = 0;                             // of those that the driver shows (CUDA_VISIBLE_DEVICES chooses)
  int threads = 1;                         // of the host; >= 1
  bool bf16 = false;                       // linears and statistics take inputs rounded to bf16 (device/operations.h)
  const char* nccl_file = "libnccl.so.2";  // or, in tests, what stands for it
};

// Those that the driver shows and that are of the first one's model; none without a GPU, a driver, or CUDA.
std::vector<int> EqualCudaGpus();

// kInvalidArgument: this program was built without CUDA. kResourceExhausted: there is no such GPU, or no driver for it.
// Whatever thread asks for something, it is this GPU that does it.
//
// A device whose GPU is lost, or that has no memory left, says so at the next Download: kAborted, kResourceExhausted.
absl::StatusOr<std::unique_ptr<Device>> MakeCudaDevice(const CudaOptions& options);

}  // namespace nibble

#endif  // NIBBLE_DEVICE_CUDA_CUDA_DEVICE_H_
