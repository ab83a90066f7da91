#include "pipeline/device_use.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "device/cpu/cpu_device.h"
#include "device/device.h"
#include "device/in_stage.h"
#include "device/measured_device.h"
#include "gtest/gtest.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"

namespace nibble {
namespace {

// A GPU that is none, with a peak and a side of its own.
class Peaked : public CpuDevice {
 public:
  Peaked() : CpuDevice(1), side_(1) {}
  absl::string_view name() const override { return "cuda (NVIDIA H200, cuBLAS 130000)"; }
  DevicePeak peak() const override { return {.flops = 67e12, .linear_flops = 990e12, .bytes = 4.8e12}; }
  absl::StatusOr<Device*> Side() override { return &side_; }

 private:
  CpuDevice side_;
};

TEST(DeviceUseTest, ByStage) {
  MeasuredDevice device(std::make_unique<Peaked>());
  std::vector<float> x(3 * 5), w(7 * 5), y(3 * 7);
  {
    const InStage stage(device, "attention");
    device.operations().matmul(device, Matrix{x.data(), 3, 5}, Matrix{w.data(), 7, 5}, nullptr, {y.data(), 3, 7});
    Device& side = **device.Side();
    const InStage load(side, "load");
    side.Upload(x, x.data());
  }
  const DeviceUse use = UseOf(device);
  EXPECT_EQ(use.device(), "cuda (NVIDIA H200, cuBLAS 130000)");
  EXPECT_EQ(use.peak_flops(), 990e12);
  EXPECT_EQ(use.peak_bytes(), 4.8e12);
  ASSERT_EQ(use.stages_size(), 3);
  EXPECT_EQ(use.stages(0).stage(), "other");
  EXPECT_EQ(use.stages(1).stage(), "attention");
  EXPECT_EQ(use.stages(1).flops(), 2 * 3 * 5 * 7);
  EXPECT_EQ(use.stages(1).bytes(), 4 * (3 * 5 + 7 * 5 + 3 * 7));
  EXPECT_GT(use.stages(1).busy_seconds(), 0);
  EXPECT_GT(use.stages(1).seconds(), use.stages(1).busy_seconds());
  EXPECT_EQ(use.stages(2).stage(), "load");
  EXPECT_TRUE(use.stages(2).beside());
  EXPECT_EQ(use.stages(2).bytes(), 4 * 3 * 5);

  const DeviceLoad load = LoadOf(device);
  EXPECT_EQ(load.name, "cuda");
  EXPECT_GT(load.busy_share, 0);
  EXPECT_LT(load.busy_share, 1);
  EXPECT_DOUBLE_EQ(load.flops, 2 * 3 * 5 * 7 / use.stages(1).busy_seconds());
}

DeviceStage StageOf(const std::string& name, bool beside, double seconds) {
  DeviceStage stage;
  stage.set_stage(name);
  stage.set_beside(beside);
  stage.set_seconds(seconds);
  stage.set_busy_seconds(seconds / 2);
  stage.set_flops(seconds * 8);
  stage.set_bytes(seconds * 16);
  return stage;
}

TEST(DeviceUseTest, OneAfterTheOther) {
  DeviceUse first, second, sum;
  first.set_device("a");
  *first.add_stages() = StageOf("load", false, 1);
  *first.add_stages() = StageOf("load", true, 2);
  second.set_device("b");
  second.set_peak_flops(3);
  second.set_peak_bytes(4);
  *second.add_stages() = StageOf("fit", false, 4);
  *second.add_stages() = StageOf("load", false, 8);
  AddUse(first, sum);
  EXPECT_EQ(sum.SerializeAsString(), first.SerializeAsString());
  AddUse(second, sum);
  EXPECT_EQ(sum.device(), "b");
  EXPECT_EQ(sum.peak_flops(), 3);
  EXPECT_EQ(sum.peak_bytes(), 4);
  ASSERT_EQ(sum.stages_size(), 3);
  EXPECT_EQ(sum.stages(0).SerializeAsString(), StageOf("load", false, 9).SerializeAsString());
  EXPECT_EQ(sum.stages(1).SerializeAsString(), StageOf("load", true, 2).SerializeAsString());
  EXPECT_EQ(sum.stages(2).SerializeAsString(), StageOf("fit", false, 4).SerializeAsString());
  EXPECT_EQ(TotalOf(sum).SerializeAsString(), StageOf("", false, 13).SerializeAsString());
}

}  // namespace
}  // namespace nibble
