// CUDA has one GPU for each thread of the host that its calls are for: whoever calls says which, each time.
#ifndef NIBBLE_DEVICE_CUDA_CURRENT_GPU_H_
#define NIBBLE_DEVICE_CUDA_CURRENT_GPU_H_

#include <cuda_runtime_api.h>

namespace nibble::cuda {

// A GPU that is lost says so in the next call.
inline void MakeCurrent(int gpu) { static_cast<void>(cudaSetDevice(gpu)); }

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_CURRENT_GPU_H_
