#include "base/status.h"
#include "device/cuda/cuda_status.h"
#include "gtest/gtest.h"

namespace nibble::cuda {
namespace {

TEST(CudaStatus, SaysWhereAndWhatToDo) {
  EXPECT_TRUE(CudaStatus(cudaSuccess, "x").ok());
  EXPECT_EQ(CudaStatus(cudaErrorMemoryAllocation, "device memory of 5 bytes"),
            absl::ResourceExhaustedError(
                "device memory of 5 bytes: expected success, found 'out of memory'; use a smaller --memory"));
}

// What the program ends with (base/status.h): 71 no memory or no GPU, 75 a lost one, to be tried again, 70 a bug.
TEST(CudaStatus, ExitCodes) {
  const struct {
    cudaError_t error;
    int exit_code;
  } kCases[] = {
      {cudaSuccess, 0},
      {cudaErrorMemoryAllocation, 71},
      {cudaErrorNoDevice, 71},
      {cudaErrorInsufficientDriver, 71},
      {cudaErrorInitializationError, 71},
      {cudaErrorNoKernelImageForDevice, 71},
      {cudaErrorSystemDriverMismatch, 71},
      {cudaErrorSystemNotReady, 71},
      {cudaErrorDevicesUnavailable, 75},
      {cudaErrorECCUncorrectable, 75},
      {cudaErrorNvlinkUncorrectable, 75},
      {cudaErrorHardwareStackError, 75},
      {cudaErrorLaunchTimeout, 75},
      {cudaErrorLaunchFailure, 75},
      {cudaErrorUnknown, 75},
      {cudaErrorIllegalAddress, 70},
      {cudaErrorInvalidValue, 70},
      {cudaErrorMisalignedAddress, 70},
  };
  for (const auto& c : kCases) EXPECT_EQ(ExitCode(CudaStatus(c.error, "x")), c.exit_code) << cudaGetErrorName(c.error);
}

}  // namespace
}  // namespace nibble::cuda
