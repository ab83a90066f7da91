// For tests: what stands for NCCL where there is no GPU, a shared library that is loaded as NCCL is (nccl.h) and
// carries floats between threads of one process. It takes offence, with ncclInvalidArgument, where sizes differ, or a
// communicator is not made to return at once.
#ifndef NIBBLE_DEVICE_CUDA_FAKE_NCCL_H_
#define NIBBLE_DEVICE_CUDA_FAKE_NCCL_H_

#include <dlfcn.h>

#include <atomic>
#include <functional>

namespace nibble::cuda {

inline constexpr char kFakeNcclFile[] = "device/cuda/libfake_nccl.so";  // from a test's folder

enum class FakeFailure {
  kNone,
  kInit,   // a rank does not start
  kGroup,  // a rank's exchange is refused
  kAsync,  // a rank's exchange fails on its way
};

// What the library does, and has done. One rank, `rank`, fails.
struct FakeNccl {
  std::atomic<int> version = 22809;
  std::atomic<FakeFailure> failure = FakeFailure::kNone;
  std::atomic<int> rank = 0;
  std::atomic<int> sends = 0, communicators = 0;  // the last: that are there now
  bool (*is_done)(const void* stream) = nullptr;  // what NCCL has queued there
  std::function<void()> on_call = [] {};          // from any thread

  static FakeNccl& Get() {
    void* const library = dlopen(kFakeNcclFile, RTLD_NOW | RTLD_LOCAL);
    return *reinterpret_cast<FakeNccl* (*)()>(dlsym(library, "FakeNcclState"))();
  }
};

// Fails until its end.
class Failing {
 public:
  Failing(FakeFailure failure, int rank) {
    FakeNccl::Get().rank = rank;
    FakeNccl::Get().failure = failure;
  }
  ~Failing() { FakeNccl::Get().failure = FakeFailure::kNone; }
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_FAKE_NCCL_H_
