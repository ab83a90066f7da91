// For tests: devices that send to one another as GPUs do, by what stands for NCCL (fake_nccl.h); the test has
// //device/cuda:libfake_nccl.so in its data.
#ifndef NIBBLE_DEVICE_CUDA_LINKED_BACKEND_H_
#define NIBBLE_DEVICE_CUDA_LINKED_BACKEND_H_

#include <atomic>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "device/cuda/fake_nccl.h"
#include "device/cuda/nccl_linker.h"
#include "device/device_link.h"

namespace nibble::cuda {

inline std::string NewGpuId() {
  static std::atomic<int> next = 0;
  return absl::StrCat("gpu ", next++);
}

struct FakeGpu {
  std::string id = NewGpuId();
  std::string machine = "here";
  std::string nccl = kFakeNcclFile;
};

// `Backend` (host_backend.h, limited_backend.h) is made of what comes behind the GPU.
template <typename Backend>
class Linked : public Backend {
 public:
  template <typename... Arguments>
  explicit Linked(FakeGpu gpu, Arguments&&... arguments)
      : Backend(std::forward<Arguments>(arguments)...),
        linker_({.gpu = gpu.id, .stream = this, .is_done = [this] { return FakeNccl::Get().is_done(this); }}, gpu.nccl,
                gpu.machine) {}

  DeviceLinker* linker() override { return &linker_; }

 private:
  NcclLinker linker_;
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_LINKED_BACKEND_H_
