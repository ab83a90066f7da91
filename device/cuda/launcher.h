// How kernels (kernel.h) get onto a stream; for nvcc alone.
#ifndef NIBBLE_DEVICE_CUDA_LAUNCHER_H_
#define NIBBLE_DEVICE_CUDA_LAUNCHER_H_

#include <cuda_runtime.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "device/cuda/current_gpu.h"
#include "device/cuda/kernel.h"

namespace nibble::cuda {

template <typename Kernel>
__global__ void __launch_bounds__(kThreads) RunForEach(int64_t n, const __grid_constant__ Kernel kernel) {
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < n; i += step) kernel(i);
}

template <typename Kernel>
__global__ void __launch_bounds__(kThreads) RunForEachBlock(const __grid_constant__ Kernel kernel) {
  __shared__ typename Kernel::Shared shared;
  kernel(Block(blockIdx.x), shared);
}

// Thread-safe.
class StreamLauncher {
 public:
  // Of this GPU.
  void set_stream(int gpu, cudaStream_t stream) {
    gpu_ = gpu;
    stream_ = stream;
  }

  template <typename Kernel>
  void ForEach(int64_t n, const Kernel& kernel) {
    constexpr int64_t kMostBlocks = int64_t{1} << 20, kFew = int64_t{1} << 15;
    if (n == 0) return;
    MakeCurrent(gpu_);
    const int64_t threads = n < kFew ? 32 : kThreads;  // few long ones spread over more processors
    const int64_t blocks = std::min((n + threads - 1) / threads, kMostBlocks);
    RunForEach<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads), 0, stream_>>>(n, kernel);
    Check();
  }

  template <typename Kernel>
  void ForEachBlock(int64_t n, const Kernel& kernel) {
    if (n == 0) return;
    MakeCurrent(gpu_);
    RunForEachBlock<<<static_cast<unsigned>(n), kThreads, 0, stream_>>>(kernel);
    Check();
  }

  // The first that there was.
  cudaError_t error() const { return error_; }

 private:
  void Check() {
    const cudaError_t error = cudaGetLastError();
    cudaError_t none = cudaSuccess;
    if (error != cudaSuccess) error_.compare_exchange_strong(none, error);
  }

  int gpu_ = 0;
  cudaStream_t stream_ = nullptr;
  std::atomic<cudaError_t> error_ = cudaSuccess;
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_LAUNCHER_H_
