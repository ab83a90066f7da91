#include "pipeline/job_device.h"

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(FindDevice, ByName) {
  const absl::StatusOr<JobDevice> cpu = FindDevice("cpu");
  ASSERT_TRUE(cpu.ok());
  EXPECT_EQ(cpu->kind, DeviceKind::kCpu);
  EXPECT_EQ(cpu->name, "cpu");
  EXPECT_EQ(FindDevice("gpu").status(),
            absl::InvalidArgumentError("--device: expected cpu, cuda or auto, found 'gpu'"));
}

TEST(FindDevice, AutoIsWhatThereIs) {
  const absl::StatusOr<JobDevice> cuda = FindDevice("cuda"), any = FindDevice("auto");
  ASSERT_TRUE(any.ok());
  EXPECT_EQ(any->kind, cuda.ok() ? DeviceKind::kCuda : DeviceKind::kCpu);
}

}  // namespace
}  // namespace nibble
