#include "device/make_device.h"

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(MakeDevice, TheCpuUnlessAskedOtherwise) {
  EXPECT_EQ((*MakeDevice({}))->name(), "cpu");
  EXPECT_EQ((*MakeDevice({.threads = 3}))->threads(), 3);
}

// Whether or not this program has CUDA, and this machine a GPU: a device, or the reason in one line.
TEST(MakeDevice, CudaIsThereOrSaysWhyNot) {
  const absl::StatusOr<std::unique_ptr<Device>> device = MakeDevice({.device = DeviceKind::kCuda, .threads = 2});
  if (device.ok()) {
    EXPECT_EQ((*device)->name().substr(0, 4), "cuda");
    EXPECT_EQ((*device)->threads(), 2);
    return;
  }
  const absl::Status& status = device.status();
  EXPECT_TRUE(status.code() == absl::StatusCode::kInvalidArgument ||
              status.code() == absl::StatusCode::kResourceExhausted)
      << status;
  EXPECT_EQ(status.message().find("--device cuda: expected "), 0) << status;
  EXPECT_NE(status.message().find("use --device cpu"), absl::string_view::npos) << status;
}

TEST(MakeDevice, AutoTakesTheCpuWhereThereIsNoGpu) {
  const bool has_gpu = MakeDevice({.device = DeviceKind::kCuda}).ok();
  EXPECT_EQ((*MakeDevice({.device = DeviceKind::kAuto}))->name() == "cpu", !has_gpu);
}

}  // namespace
}  // namespace nibble
