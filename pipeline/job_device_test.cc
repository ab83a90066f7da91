#include "pipeline/job_device.h"

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(FindDevices, ByName) {
  const absl::StatusOr<std::vector<DeviceChoice>> cpu = FindDevices("cpu");
  ASSERT_TRUE(cpu.ok());
  ASSERT_EQ(cpu->size(), 1);
  EXPECT_EQ(cpu->front().kind, DeviceKind::kCpu);
  EXPECT_EQ(*TryDevice(cpu->front()), "cpu");
  EXPECT_EQ(FindDevices("gpu").status(),
            absl::InvalidArgumentError("--device: expected cpu, cuda or auto, found 'gpu'"));
}

TEST(FindDevices, AutoIsWhatThereIs) {
  const absl::StatusOr<std::vector<DeviceChoice>> cuda = FindDevices("cuda"), any = FindDevices("auto");
  ASSERT_TRUE(any.ok());
  EXPECT_EQ(any->front().kind, cuda.ok() ? DeviceKind::kCuda : DeviceKind::kCpu);
  if (cuda.ok()) {
    EXPECT_EQ(any->size(), cuda->size());
  }
}

}  // namespace
}  // namespace nibble
