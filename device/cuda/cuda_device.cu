#include "device/cuda/codecs.h"
#include "device/cuda/cuda_backend.h"
#include "device/cuda/cuda_device.h"
#include "device/cuda/operations.h"

namespace nibble::cuda {

extern template const Codec<StreamLauncher>& CodecOf<StreamLauncher>(const BlockFormat& format);  // cuda_codecs.cu

const Operations& CudaDevice::operations() const { return kOperations<CudaDevice>; }

}  // namespace nibble::cuda

namespace nibble {

std::vector<int> EqualCudaGpus() { return cuda::EqualGpus(); }

absl::StatusOr<std::unique_ptr<Device>> MakeCudaDevice(const CudaOptions& options) {
  return cuda::CudaDevice::Create(options);
}

}  // namespace nibble
