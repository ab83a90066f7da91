// For tests: the CUDA device's operations and kernels on the host, step by step.
#ifndef NIBBLE_DEVICE_CUDA_HOST_BACKEND_H_
#define NIBBLE_DEVICE_CUDA_HOST_BACKEND_H_

#include <math.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>

#include "device/cpu/cpu_device.h"
#include "device/cuda/kernel.h"
#include "device/cuda/operations.h"
#include "device/cuda/product.h"

namespace nibble::cuda {

// An odd number of `threads` goes through indices, blocks and the threads of a step forwards, an even one backwards:
// results must not depend on it.
class HostBackend : public CpuDevice {
 public:
  explicit HostBackend(int threads, bool bf16 = false)
      : CpuDevice(threads), backwards_(threads % 2 == 0), bf16_(bf16) {}

  const Operations& operations() const override { return kOperations<HostBackend>; }

  bool is_host() const override { return false; }  // as the GPU that it stands for
  absl::StatusOr<Device*> Side() override {
    if (side_ == nullptr) side_ = std::make_unique<HostBackend>(threads(), bf16_);
    return side_.get();
  }

  absl::StatusOr<Buffer> AllocateScratch(int64_t floats) { return Allocate(floats); }

  using Launcher = HostBackend;
  Launcher& launcher() { return *this; }

  template <typename Kernel>
  void ForEach(int64_t n, Kernel kernel) {
    for (int64_t i = 0; i < n; ++i) kernel(backwards_ ? n - 1 - i : i);
  }

  template <typename Kernel>
  void ForEachBlock(int64_t n, Kernel kernel) {
    const auto shared = std::make_unique<typename Kernel::Shared>();
    for (int64_t i = 0; i < n; ++i) kernel(Block(backwards_ ? n - 1 - i : i, backwards_), *shared);
  }

  // ProductKernel's bits without its tiles, of which small matrices fill little.
  void Multiply(const Product& p) {
    const ProductKernel kernel{p};
    for (int64_t i = 0; i < p.batch * p.m * p.n; ++i) {
      const int64_t batch = i / (p.m * p.n), row = i / p.n % p.m, col = i % p.n;
      float sum = 0;
      for (int64_t k = 0; k < p.k; ++k) {
        sum = fmaf(kernel.Rounded(p.a.At(batch, row, k)), kernel.Rounded(p.b.At(batch, k, col)), sum);
      }
      kernel.StoreSum(batch, row, col, sum);
    }
  }
  std::optional<int64_t> FactorByLibrary(Matrix) { return std::nullopt; }

  void CopyIn(const void* from, int64_t bytes, void* to) { std::memcpy(to, from, bytes); }
  void CopyOut(const void* from, int64_t bytes, void* to) { std::memcpy(to, from, bytes); }

  bool bf16() const { return bf16_; }
  bool ok() { return Download(nullptr, {}).ok(); }

 private:
  std::unique_ptr<HostBackend> side_;
  const bool backwards_;
  const bool bf16_;
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_HOST_BACKEND_H_
