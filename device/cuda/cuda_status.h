// CUDA's errors as statuses.
#ifndef NIBBLE_DEVICE_CUDA_CUDA_STATUS_H_
#define NIBBLE_DEVICE_CUDA_CUDA_STATUS_H_

#include <cuda_runtime_api.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace nibble::cuda {

struct KnownError {
  cudaError_t error;
  absl::StatusCode code;
  absl::string_view advice;
};

inline constexpr absl::string_view kNoGpuAdvice = "; use --device cpu";
inline constexpr absl::string_view kLostAdvice = "; the GPU was lost: run again";

// Whatever is not here is a bug of ours.
inline constexpr KnownError kKnownErrors[] = {
    {cudaErrorMemoryAllocation, absl::StatusCode::kResourceExhausted, "; use a smaller --memory"},
    {cudaErrorNoDevice, absl::StatusCode::kResourceExhausted, kNoGpuAdvice},
    {cudaErrorInsufficientDriver, absl::StatusCode::kResourceExhausted, kNoGpuAdvice},
    {cudaErrorInitializationError, absl::StatusCode::kResourceExhausted, kNoGpuAdvice},
    {cudaErrorNoKernelImageForDevice, absl::StatusCode::kResourceExhausted, kNoGpuAdvice},
    {cudaErrorSystemDriverMismatch, absl::StatusCode::kResourceExhausted, kNoGpuAdvice},
    {cudaErrorSystemNotReady, absl::StatusCode::kResourceExhausted, kNoGpuAdvice},
    {cudaErrorDevicesUnavailable, absl::StatusCode::kAborted, kLostAdvice},
    {cudaErrorECCUncorrectable, absl::StatusCode::kAborted, kLostAdvice},
    {cudaErrorNvlinkUncorrectable, absl::StatusCode::kAborted, kLostAdvice},
    {cudaErrorHardwareStackError, absl::StatusCode::kAborted, kLostAdvice},
    {cudaErrorLaunchTimeout, absl::StatusCode::kAborted, kLostAdvice},
    {cudaErrorLaunchFailure, absl::StatusCode::kAborted, kLostAdvice},
    {cudaErrorUnknown, absl::StatusCode::kAborted, kLostAdvice},
};

// "<place>: expected <expected>, found <CUDA's words>".
inline absl::Status CudaStatus(cudaError_t error, absl::string_view place, absl::string_view expected = "success") {
  if (error == cudaSuccess) return absl::OkStatus();
  const std::string message = absl::StrCat(place, ": expected ", expected, ", found '", cudaGetErrorString(error), "'");
  for (const KnownError& known : kKnownErrors) {
    if (known.error == error) return absl::Status(known.code, absl::StrCat(message, known.advice));
  }
  return absl::InternalError(message);
}

}  // namespace nibble::cuda

#endif  // NIBBLE_DEVICE_CUDA_CUDA_STATUS_H_
