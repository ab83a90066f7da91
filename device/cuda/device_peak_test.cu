#include "device/cuda/device_peak.h"
#include "gtest/gtest.h"

namespace nibble::cuda {
namespace {

// As data sheets have them: TFLOP/s of float32 and of bf16, GB/s.
TEST(DevicePeak, AsOnTheDataSheets) {
  const struct {
    const char* name;
    DeviceFacts facts;
    double flops, bf16_flops, bytes;
  } kCases[] = {
      {"A100 80 GB SXM", {8, 0, 108, 1.41e9, 1.593e9, 5120}, 19.5e12, 312e12, 2039e9},
      {"H100 SXM", {9, 0, 132, 1.83e9, 2.619e9, 5120}, 62e12, 989e12, 3352e9},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_NEAR(PeakOf(c.facts, false).flops / c.flops, 1, 0.01);
    EXPECT_NEAR(PeakOf(c.facts, false).linear_flops / c.flops, 1, 0.01);
    EXPECT_NEAR(PeakOf(c.facts, true).linear_flops / c.bf16_flops, 1, 0.01);
    EXPECT_NEAR(PeakOf(c.facts, true).bytes / c.bytes, 1, 0.01);
  }
}

TEST(DevicePeak, OfAnUnknownGpuTheMemorysAlone) {
  const DevicePeak peak = PeakOf({7, 5, 40, 1.59e9, 5e9, 256}, true);
  EXPECT_EQ(peak.flops, 0);
  EXPECT_EQ(peak.linear_flops, 0);
  EXPECT_GT(peak.bytes, 300e9);
}

}  // namespace
}  // namespace nibble::cuda
