// That whatever thread asks a device for something, its own GPU does it: on a CUDA runtime of this test's own, of
// several GPUs that compute nothing, which takes offence where a call is for another GPU than what it is given belongs
// to.
#include <array>
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "device/cuda/cuda_backend.h"
#include "device/cuda/fake_nccl.h"
#include "gtest/gtest.h"

namespace nibble::cuda {
namespace {

constexpr int kGpus = 3;
[[maybe_unused]] constexpr const char* kNames[kGpus] = {"A", "B", "A"};

thread_local int current = 0;

// What there is, and whose.
class FakeRuntime {
 public:
  template <typename Handle>
  cudaError_t Make(Handle* handle) {
    std::lock_guard lock(mutex_);
    *handle = reinterpret_cast<Handle>(std::malloc(1));
    owners_[*handle] = current;
    return cudaSuccess;
  }
  cudaError_t Remove(void* handle) {
    if (const cudaError_t error = Use(handle); error != cudaSuccess) return error;
    std::lock_guard lock(mutex_);
    owners_.erase(handle);
    std::free(handle);
    return cudaSuccess;
  }
  // Of the current GPU, or else.
  cudaError_t Use(const void* handle) {
    std::lock_guard lock(mutex_);
    const auto found = owners_.find(handle);
    const bool is_right = found != owners_.end() && found->second == current;
    (is_right ? uses_ : wrong_uses_)[current] += 1;
    return is_right ? cudaSuccess : cudaErrorInvalidResourceHandle;
  }

  // To the current GPU's memory.
  void LetIn(int gpu) {
    std::lock_guard lock(mutex_);
    let_in_.insert({current, gpu});
  }
  const std::set<std::pair<int, int>>& let_in() const { return let_in_; }

  int uses(int gpu) const { return uses_[gpu]; }
  int wrong_uses() const { return wrong_uses_[0] + wrong_uses_[1] + wrong_uses_[2]; }
  size_t left() const { return owners_.size(); }
  void Forget() { uses_ = wrong_uses_ = {}; }

 private:
  std::mutex mutex_;
  std::map<const void*, int> owners_;
  std::array<int, kGpus> uses_ = {}, wrong_uses_ = {};
  std::set<std::pair<int, int>> let_in_;
};

FakeRuntime& Fake() {
  static FakeRuntime fake;
  return fake;
}

}  // namespace

const Operations& CudaDevice::operations() const {
  static const Operations none = {};
  return none;
}

namespace {

std::unique_ptr<Device> Make(int gpu) { return *CudaDevice::Create({.gpu = gpu}); }

struct NothingKernel {
  struct Shared {};
  NIBBLE_HOST_DEVICE void operator()(int64_t) const {}
  NIBBLE_HOST_DEVICE void operator()(const Block&, Shared&) const {}
};

// All that a device is asked for.
void UseAll(Device& device) {
  auto& cuda = static_cast<CudaDevice&>(device);
  const std::vector<float> values(5);
  std::vector<float> back(5);
  const absl::StatusOr<Buffer> buffer = device.Allocate(5);
  ASSERT_TRUE(buffer.ok());
  ASSERT_TRUE(cuda.AllocateScratch(5).ok());
  device.Upload(values, buffer->data());
  cuda.ForEach(5, NothingKernel{});
  cuda.ForEachBlock(2, NothingKernel{});
  EXPECT_EQ(device.Download(buffer->data(), absl::MakeSpan(back)), absl::OkStatus());
  const absl::StatusOr<Device*> side = device.Side();
  ASSERT_TRUE(side.ok());
  const absl::StatusOr<Buffer> on_side = (*side)->Allocate(5);
  ASSERT_TRUE(on_side.ok());
  (*side)->Upload(values, on_side->data());
  EXPECT_EQ((*side)->Download(on_side->data(), absl::MakeSpan(back)), absl::OkStatus());
}

TEST(CudaDevice, GpusOfTheFirstOnesKind) { EXPECT_EQ(EqualGpus(), std::vector<int>({0, 2})); }

TEST(CudaDevice, OneThatIsNotThereIsNoDevice) { EXPECT_FALSE(CudaDevice::Create({.gpu = kGpus}).ok()); }

TEST(CudaDevice, EveryThreadUsesTheDevicesGpu) {
  Fake().Forget();
  {
    const std::unique_ptr<Device> devices[] = {Make(2), Make(1)};
    EXPECT_EQ(devices[0]->name(), "cuda (A, no cuBLAS)");
    EXPECT_EQ(devices[1]->name(), "cuda (B, no cuBLAS)");
    for (const auto& device : devices) {
      std::thread([&] { UseAll(*device); }).join();  // on a thread that begins with GPU 0
      UseAll(*device);                               // where the other one's was the last
    }
    current = 0;  // and they end wherever they do
  }
  EXPECT_EQ(Fake().wrong_uses(), 0);
  EXPECT_EQ(Fake().uses(0), 0);
  EXPECT_GT(Fake().uses(1), 10);
  EXPECT_EQ(Fake().uses(1), Fake().uses(2));
  EXPECT_EQ(Fake().left(), 0);
}

TEST(CudaDevice, LinksAreOfTheDevicesGpu) {
  thread_local int gpu_of_thread = 0;
  std::atomic<int> calls = 0, wrong_calls = 0;
  FakeNccl::Get().on_call = [&] {
    ++calls;
    wrong_calls += current != gpu_of_thread;
  };
  Fake().Forget();
  std::string key;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (const int place : {0, 1}) {
    threads.emplace_back([&, place] {
      gpu_of_thread = 2 - place;
      const std::unique_ptr<Device> device = *CudaDevice::Create({.gpu = gpu_of_thread, .nccl_file = kFakeNcclFile});
      DeviceLinker* const linker = device->linker();
      EXPECT_EQ(linker->Place()->device.size(), 32);
      {
        std::lock_guard lock(mutex);
        if (key.empty()) key = *linker->NewKey();
      }
      current = 0;  // wherever it was last
      auto link = linker->Join({.key = key, .count = 2, .place = place}, [] { return false; });
      ASSERT_TRUE(link.ok());
      for (int round = 0; round < 2; ++round) {
        current = 0;
        float from = static_cast<float>(place), to = 0;
        EXPECT_EQ((*link)->Exchange({{1 - place, &from, 1}}, {{1 - place, &to, 1}}, [] { return false; }),
                  absl::OkStatus());
        EXPECT_EQ(to, 1 - place);
      }
      current = 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  FakeNccl::Get().on_call = [] {};
  EXPECT_EQ(Fake().wrong_uses(), 0);
  EXPECT_EQ(wrong_calls, 0);
  using Pair = std::pair<int, int>;
  EXPECT_EQ(Fake().let_in(), std::set<Pair>({{1, 0}, {1, 2}, {2, 0}, {2, 1}}));
  EXPECT_EQ(calls, 2 * (1 + 2 + 1));  // to begin, two exchanges, and to end
}

TEST(CudaDevice, TheRuntimeTakesOffence) {  // so that the test above can fail
  const std::unique_ptr<Device> device = Make(1);
  Fake().Forget();
  cudaStream_t stream;
  current = 2;
  cudaStreamCreateWithFlags(&stream, 0);
  current = 0;
  EXPECT_NE(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(Fake().wrong_uses(), 1);
  current = 2;
  cudaStreamDestroy(stream);
}

}  // namespace
}  // namespace nibble::cuda

// The calls of the CUDA runtime that there are in this program, in the runtime's place. nvcc's own pass over code for
// the GPU has some of them.
#ifndef __CUDA_ARCH__

using nibble::cuda::current;
using nibble::cuda::Fake;

extern "C" {

cudaError_t cudaSetDevice(int gpu) {
  if (gpu < 0 || gpu >= nibble::cuda::kGpus) return cudaErrorInvalidDevice;
  current = gpu;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = nibble::cuda::kGpus;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int gpu) {
  *properties = {};
  std::strcpy(properties->name, nibble::cuda::kNames[gpu]);
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
  *value = 0;
  return cudaSuccess;
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorString(cudaError_t) { return "an error"; }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) { return Fake().Make(stream); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return Fake().Remove(stream); }
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  if (const cudaError_t error = Fake().Use(stream); error != cudaSuccess) return error;
  return nibble::cuda::FakeNccl::Get().is_done(stream) ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return Fake().Use(stream); }
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const cudaError_t error = Fake().Use(stream);
  return error == cudaSuccess ? Fake().Use(event) : error;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) { return Fake().Make(event); }
cudaError_t cudaEventDestroy(cudaEvent_t event) { return Fake().Remove(event); }
cudaError_t cudaEventSynchronize(cudaEvent_t event) { return Fake().Use(event); }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const cudaError_t error = Fake().Use(stream);
  return error == cudaSuccess ? Fake().Use(event) : error;
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t*, int gpu) {
  return gpu == current ? cudaSuccess : cudaErrorInvalidDevice;
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) { return cudaSuccess; }
cudaError_t cudaDeviceCanAccessPeer(int* can, int gpu, int peer) {
  *can = gpu != peer;
  return cudaSuccess;
}
cudaError_t cudaMemPoolSetAccess(cudaMemPool_t, const cudaMemAccessDesc* access, size_t count) {
  for (size_t i = 0; i < count; ++i) Fake().LetIn(access[i].location.id);
  return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) { return cudaSuccess; }
cudaError_t cudaMallocAsync(void** memory, size_t, cudaStream_t stream) {
  const cudaError_t error = Fake().Use(stream);
  return error == cudaSuccess ? Fake().Make(memory) : error;
}
cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream) {
  const cudaError_t error = Fake().Use(stream);
  return error == cudaSuccess ? Fake().Remove(memory) : error;
}
cudaError_t cudaMallocHost(void** memory, size_t bytes) {  // of no GPU
  *memory = std::calloc(bytes, 1);
  return cudaSuccess;
}
cudaError_t cudaFreeHost(void* memory) {
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void*, const void*, size_t, cudaMemcpyKind, cudaStream_t stream) {
  return Fake().Use(stream);
}

cudaError_t cudaLaunchKernel(const void*, dim3, dim3, void**, size_t, cudaStream_t stream) {
  return Fake().Use(stream);
}
// How nvcc's code before and around a launch reaches it.
thread_local cudaStream_t stream_of_launch;
unsigned __cudaPushCallConfiguration(dim3, dim3, size_t, struct CUstream_st* stream) {
  stream_of_launch = stream;
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3*, dim3*, size_t*, void* stream) {
  *static_cast<cudaStream_t*>(stream) = stream_of_launch;
  return cudaSuccess;
}
cudaError_t __cudaGetKernel(cudaKernel_t*, const void*) { return cudaSuccess; }
cudaError_t __cudaLaunchKernel(cudaKernel_t, dim3, dim3, void**, size_t, cudaStream_t stream) {
  return Fake().Use(stream);
}
void** __cudaRegisterFatBinary(void*) { return nullptr; }
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
void __cudaRegisterFunction(void**, const char*, char*, const char*, int, uint3*, uint3*, dim3*, dim3*, int*) {}
char __cudaInitModule(void**) { return 1; }

}  // extern "C"

#endif  // __CUDA_ARCH__
