// One GPU as a Device, and as the Backend of operations.h; for nvcc alone.
#ifndef NIBBLE_DEVICE_CUDA_CUDA_BACKEND_H_
#define NIBBLE_DEVICE_CUDA_CUDA_BACKEND_H_

#include <cuda_runtime.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "device/cuda/cuda_device.h"
#include "device/cuda/cuda_status.h"
#include "device/cuda/current_gpu.h"
#include "device/cuda/device_peak.h"
#include "device/cuda/kernel.h"
#include "device/cuda/launcher.h"
#include "device/cuda/libraries.h"
#include "device/cuda/nccl_linker.h"
#include "device/cuda/product.h"
#include "device/cuda/scratch.h"
#include "device/cuda/staging.h"
#include "device/device.h"

namespace nibble::cuda {

struct ToBf16Kernel {
  NIBBLE_HOST_DEVICE void operator()(int64_t i) const {
    to[i] = static_cast<uint16_t>(BitCast<uint32_t>(RoundToBf16(from[i])) >> 16);
  }

  const float* from;
  uint16_t* to;
};

inline cublasOperation_t OperationOf(const Operand& operand) { return operand.transposed ? CUBLAS_OP_T : CUBLAS_OP_N; }

// As cuda_device.h has it.
inline std::vector<int> EqualGpus() {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) count = 0;
  std::vector<int> equal;
  cudaDeviceProp first = {};
  for (int gpu = 0; gpu < count; ++gpu) {
    cudaDeviceProp its = {};
    if (cudaGetDeviceProperties(&its, gpu) != cudaSuccess) continue;
    if (equal.empty()) first = its;
    if (std::strcmp(its.name, first.name) == 0) equal.push_back(gpu);
  }
  return equal;
}

// An event behind what a stream of the current GPU has been asked for so far.
class Event {
 public:
  explicit Event(cudaStream_t stream) {
    if (cudaEventCreateWithFlags(&event_, cudaEventDisableTiming) == cudaSuccess) cudaEventRecord(event_, stream);
  }
  ~Event() {
    if (event_ != nullptr) cudaEventDestroy(event_);
  }
  void HoldBack(cudaStream_t stream) const {
    if (event_ != nullptr) cudaStreamWaitEvent(stream, event_, 0);
  }

 private:
  cudaEvent_t event_ = nullptr;
};

// All work and all copies go through one stream, in the order in which they are asked for; a side has one of its own.
class CudaDevice : public Device {
 public:
  static absl::StatusOr<std::unique_ptr<Device>> Create(const CudaOptions& options) {
    std::unique_ptr<CudaDevice> device(new CudaDevice(options));
    NIBBLE_RETURN_IF_ERROR(device->Open());
    device->LoadLibraries();
    return device;
  }

  ~CudaDevice() override {
    side_.reset();
    MakeCurrent(options_.gpu);
    if (cublas_handle_ != nullptr) cublas_->destroy(cublas_handle_);
    if (cusolver_handle_ != nullptr) cusolver_->destroy(cusolver_handle_);
    staging_.reset();
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }

  absl::string_view name() const override { return name_; }
  const Operations& operations() const override;
  int threads() const override { return options_.threads; }
  DevicePeak peak() const override { return peak_; }

  absl::StatusOr<Device*> Side() override {
    if (side_ == nullptr) {
      std::unique_ptr<CudaDevice> side(new CudaDevice(options_));
      side->main_ = this;
      side->name_ = name_;
      NIBBLE_RETURN_IF_ERROR(side->OpenStream());
      side_ = std::move(side);
    }
    return side_.get();
  }

  DeviceLinker* linker() override {
    if (!linker_) {
      linker_.emplace(GpuQueue{.gpu = absl::BytesToHexString({properties_.uuid.bytes, sizeof(properties_.uuid.bytes)}),
                               .stream = stream_,
                               .make_current = [this] { MakeCurrent(options_.gpu); },
                               .is_done = [this] { return IsDone(); },
                               .is_open = LetPeersIn()},
                      options_.nccl_file);
      cudaGetLastError();  // if they were not: an error that is not the next kernel's
    }
    return &*linker_;
  }

  absl::StatusOr<Buffer> Allocate(int64_t floats) override {
    NIBBLE_ASSIGN_OR_RETURN(float* const memory, Memory(floats));
    return Buffer(Buffer::Memory(memory, [this](float* freed) { Free(freed); }), floats);
  }

  // For what no other queue than this one gets to see.
  absl::StatusOr<Buffer> AllocateScratch(int64_t floats) {
    NIBBLE_ASSIGN_OR_RETURN(float* const memory, Memory(floats));
    return Buffer(Buffer::Memory(memory,
                                 [this](float* freed) {
                                   MakeCurrent(options_.gpu);
                                   cudaFreeAsync(freed, stream_);
                                 }),
                  floats);
  }

  void Upload(absl::Span<const float> from, float* to) override {
    CopyIn(from.data(), from.size() * sizeof(float), to);
  }

  absl::Status Download(const float* from, absl::Span<float> to) override {
    MakeCurrent(options_.gpu);
    Check(cudaStreamSynchronize(stream_), LabelOfGpu());  // also where there is nothing to copy
    Check(launcher_.error(), "kernel");
    CopyOut(from, to.size() * sizeof(float), to.data());
    std::lock_guard lock(mutex_);
    return failure_;
  }

  // What operations.h asks of a Backend.

  using Launcher = StreamLauncher;
  Launcher& launcher() { return launcher_; }

  template <typename Kernel>
  void ForEach(int64_t n, const Kernel& kernel) {
    launcher_.ForEach(n, kernel);
  }

  template <typename Kernel>
  void ForEachBlock(int64_t n, const Kernel& kernel) {
    launcher_.ForEachBlock(n, kernel);
  }

  void Multiply(const Product& p) {
    if (p.m == 0 || p.n == 0) return;
    MakeCurrent(options_.gpu);
    if (cublas_handle_ == nullptr) {
      const ProductKernel kernel{p};
      ForEachBlock(kernel.Blocks(), kernel);
    } else if (p.bf16 && p.batch == 1) {
      MultiplyBf16(p);
    } else {  // pedantic: real float32, neither TF32 nor an emulation
      MultiplyByCublas(p, p.a.data, p.b.data, CUDA_R_32F, CUBLAS_COMPUTE_32F_PEDANTIC);
    }
  }

  std::optional<int64_t> FactorByLibrary(Matrix a) {
    MakeCurrent(options_.gpu);
    const int n = static_cast<int>(a.rows);
    int work_floats = 0;
    // The lower triangle by rows is the upper one by columns.
    if (cusolver_handle_ == nullptr || cusolver_->spotrf_size(cusolver_handle_, CUBLAS_FILL_MODE_UPPER, n, a.data, n,
                                                              &work_floats) != CUSOLVER_STATUS_SUCCESS) {
      return std::nullopt;
    }
    const Scratch<float> work(*this, work_floats);
    const Scratch<int> info(*this, 1);
    int found = 0;
    if (!work.ok() || !info.ok()) return -1;
    if (cusolver_->spotrf(cusolver_handle_, CUBLAS_FILL_MODE_UPPER, n, a.data, n, work.data(), work_floats,
                          info.data()) != CUSOLVER_STATUS_SUCCESS) {
      Fail(absl::InternalError("cuSOLVER: expected a factorization, found an error"));
      return -1;
    }
    CopyOut(info.data(), sizeof(found), &found);
    return found > 0 ? found - 1 : -1;
  }

  void CopyIn(const void* from, int64_t bytes, void* to) { Fail(staging_->CopyIn(from, bytes, to)); }

  void CopyOut(const void* from, int64_t bytes, void* to) {
    Fail(staging_->CopyOut(from, bytes, to));
    if (!ok()) std::memset(to, 0, bytes);
  }

  bool bf16() const { return options_.bf16; }

  void Fail(const absl::Status& status) {
    std::lock_guard lock(mutex_);
    failure_.Update(status);
  }

  bool ok() {
    Check(launcher_.error(), "kernel");
    std::lock_guard lock(mutex_);
    return failure_.ok();
  }

 private:
  explicit CudaDevice(const CudaOptions& options) : options_(options) {}

  absl::Status Open() {
    constexpr char kPlace[] = "--device cuda";
    int count = 0;
    NIBBLE_RETURN_IF_ERROR(CudaStatus(cudaGetDeviceCount(&count), kPlace, "an NVIDIA GPU and its driver"));
    NIBBLE_RETURN_IF_ERROR(CudaStatus(cudaSetDevice(options_.gpu), kPlace));
    NIBBLE_RETURN_IF_ERROR(CudaStatus(cudaGetDeviceProperties(&properties_, options_.gpu), kPlace));
    NIBBLE_RETURN_IF_ERROR(OpenStream());
    peak_ = PeakOf(FactsOf(options_.gpu), options_.bf16);
    return absl::OkStatus();
  }

  absl::Status OpenStream() {
    constexpr char kPlace[] = "--device cuda";
    MakeCurrent(options_.gpu);
    NIBBLE_RETURN_IF_ERROR(CudaStatus(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), kPlace));
    NIBBLE_RETURN_IF_ERROR(CudaStatus(cudaDeviceGetDefaultMemPool(&pool_, options_.gpu), kPlace));
    uint64_t keep_all = UINT64_MAX;  // what is freed is soon wanted again
    NIBBLE_RETURN_IF_ERROR(
        CudaStatus(cudaMemPoolSetAttribute(pool_, cudaMemPoolAttrReleaseThreshold, &keep_all), kPlace));
    launcher_.set_stream(options_.gpu, stream_);
    staging_.emplace(options_.gpu, stream_);
    return absl::OkStatus();
  }

  // For messages; with one GPU as with several.
  std::string LabelOfGpu() const { return absl::StrCat("GPU ", options_.gpu); }

  absl::StatusOr<float*> Memory(int64_t floats) {
    MakeCurrent(options_.gpu);
    const int64_t bytes = std::max<int64_t>(floats, 1) * sizeof(float);
    void* memory = nullptr;
    cudaError_t error = cudaMallocAsync(&memory, bytes, stream_);
    if (error == cudaErrorMemoryAllocation) {  // what the pool holds free may be in pieces that are too small
      cudaGetLastError();
      cudaStreamSynchronize(stream_);
      cudaMemPoolTrimTo(pool_, 0);
      error = cudaMallocAsync(&memory, bytes, stream_);
    }
    if (error != cudaSuccess) {
      cudaGetLastError();
      return CudaStatus(error, absl::StrCat(LabelOfGpu(), ": device memory of ", bytes, " bytes"));
    }
    return static_cast<float*>(memory);
  }

  // NCCL's kernels on other GPUs of this process may reach right into what they send to; memory of a pool is closed to
  // them else. Those that cannot reach it anyway are sent to by other ways.
  absl::Status LetPeersIn() {
    MakeCurrent(options_.gpu);
    int count = 0;
    NIBBLE_RETURN_IF_ERROR(CudaStatus(cudaGetDeviceCount(&count), LabelOfGpu()));
    for (int peer = 0; peer < count; ++peer) {
      int can_access = 0;
      if (peer == options_.gpu) continue;
      NIBBLE_RETURN_IF_ERROR(CudaStatus(cudaDeviceCanAccessPeer(&can_access, peer, options_.gpu), LabelOfGpu()));
      if (can_access == 0) continue;
      const cudaMemAccessDesc access = {.location = {.type = cudaMemLocationTypeDevice, .id = peer},
                                        .flags = cudaMemAccessFlagsProtReadWrite};
      NIBBLE_RETURN_IF_ERROR(CudaStatus(cudaMemPoolSetAccess(pool_, &access, 1), LabelOfGpu()));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> IsDone() {
    MakeCurrent(options_.gpu);
    const cudaError_t error = cudaStreamQuery(stream_);
    if (error == cudaErrorNotReady) return false;
    NIBBLE_RETURN_IF_ERROR(CudaStatus(error, LabelOfGpu()));
    return true;
  }

  // With what a side has loaded, the main queue may be at work.
  void Free(float* memory) {
    MakeCurrent(options_.gpu);
    if (main_ != nullptr) Event(main_->stream_).HoldBack(stream_);
    cudaFreeAsync(memory, stream_);
  }

  // A library that is not there, or does not start, leaves its work to our kernels.
  void LoadLibraries() {
    int version = 0;
    cublas_.emplace();
    if (cublasHandle_t handle; cublas_->library.complete() && cublas_->create(&handle) == CUBLAS_STATUS_SUCCESS) {
      cublas_handle_ = handle;
      CheckCublas(cublas_->set_stream(handle, stream_));
      CheckCublas(cublas_->version(handle, &version));
    }
    cusolver_.emplace();
    if (cusolverDnHandle_t handle;
        cusolver_->library.complete() && cusolver_->create(&handle) == CUSOLVER_STATUS_SUCCESS) {
      cusolver_handle_ = handle;
      cusolver_->set_stream(handle, stream_);
    }
    name_ = absl::StrCat("cuda (", properties_.name, ", ",
                         version == 0 ? "no cuBLAS" : absl::StrCat("cuBLAS ", version), ")");
  }

  void MultiplyBf16(const Product& p) {
    const int64_t a_rows = p.a.transposed ? p.k : p.m, b_rows = p.b.transposed ? p.n : p.k;
    const Scratch<uint16_t> a(*this, a_rows * p.a.stride), b(*this, b_rows * p.b.stride);
    if (!a.ok() || !b.ok()) return;
    ForEach(a_rows * p.a.stride, ToBf16Kernel{p.a.data, a.data()});
    ForEach(b_rows * p.b.stride, ToBf16Kernel{p.b.data, b.data()});
    MultiplyByCublas(p, a.data(), b.data(), CUDA_R_16BF, CUBLAS_COMPUTE_32F);
  }

  // cuBLAS's matrices go by columns: theirs are our transposes, and c^T = b^T a^T.
  void MultiplyByCublas(const Product& p, const void* a, const void* b, cudaDataType_t type,
                        cublasComputeType_t compute) {
    CheckCublas(cublas_->gemm(cublas_handle_, OperationOf(p.b), OperationOf(p.a), p.n, p.m, p.k, &p.alpha, b, type,
                              p.b.stride, p.b.batch_stride, a, type, p.a.stride, p.a.batch_stride, &p.beta, p.c,
                              CUDA_R_32F, p.c_stride, p.c_batch_stride, p.batch, compute, CUBLAS_GEMM_DEFAULT));
  }

  void Check(cudaError_t error, absl::string_view place) {
    if (error != cudaSuccess) Fail(CudaStatus(error, place));
  }

  void CheckCublas(cublasStatus_t status) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    Fail(status == CUBLAS_STATUS_ALLOC_FAILED
             ? absl::ResourceExhaustedError("cuBLAS: expected device memory, found none left; use a smaller --memory")
             : absl::InternalError(absl::StrCat("cuBLAS: expected success, found its status ", int{status})));
  }

  const CudaOptions options_;
  CudaDevice* main_ = nullptr;  // of a side
  std::unique_ptr<CudaDevice> side_;
  DevicePeak peak_;
  std::string name_;
  cudaDeviceProp properties_ = {};
  cudaStream_t stream_ = nullptr;
  cudaMemPool_t pool_ = nullptr;
  StreamLauncher launcher_;
  std::optional<Staging> staging_;
  std::optional<NcclLinker> linker_;  // once it was asked for
  std::optional<Cublas> cublas_;
  std::optional<Cusolver> cusolver_;
  cublasHandle_t cublas_handle_ = nullptr;
  cusolverDnHandle_t cusolver_handle_ = nullptr;
  std::mutex mutex_;
  absl::Status failure_;
};

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_CUDA_BACKEND_H_
