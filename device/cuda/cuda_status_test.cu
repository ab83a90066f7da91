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

TEST(CudaStatus, TellsALostGpuFromNoneAndFromABug) {
  EXPECT_EQ(CudaStatus(cudaErrorECCUncorrectable, "x").code(), absl::StatusCode::kAborted);
  EXPECT_EQ(CudaStatus(cudaErrorNoDevice, "x").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(CudaStatus(cudaErrorIllegalAddress, "x").code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace nibble::cuda
