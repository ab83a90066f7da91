// That every operation goes through is what the conformance tests show, whose CPU is a measured one.
#include "device/measured_device.h"

#include <chrono>
#include <memory>
#include <thread>

#include "device/cpu/cpu_device.h"
#include "device/cuda/host_backend.h"
#include "device/on_device.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

constexpr double kPause = 0.05;

void Pause() { std::this_thread::sleep_for(std::chrono::duration<double>(kPause)); }

TEST(MeasuredDevice, CountsByShapes) {
  MeasuredDevice device(std::make_unique<CpuDevice>(1));
  Values x = RandomValues(3 * 5, 1), w = RandomValues(7 * 5, 2), y(3 * 7);
  const Operations& operations = device.operations();
  operations.matmul(device, {x.data(), 3, 5}, {w.data(), 7, 5}, nullptr, {y.data(), 3, 7});
  EXPECT_EQ(device.use().flops, 2 * 3 * 5 * 7);
  EXPECT_EQ(device.use().bytes, 4 * (3 * 5 + 7 * 5 + 3 * 7));
  Device& side = **device.Side();
  side.operations().gelu(side, {y.data(), 3, 7});
  EXPECT_EQ(device.use().bytes, 4 * (3 * 5 + 7 * 5 + 3 * 7) + 4 * 2 * 3 * 7);
}

// On the host an operation is done when it returns; a GPU may have it before it until somebody waits.
TEST(MeasuredDevice, TimeEndsWhereTheHostKnows) {
  MeasuredDevice host(std::make_unique<CpuDevice>(1)), other(std::make_unique<cuda::HostBackend>(1));
  Values x = {1};
  for (MeasuredDevice* device : {&host, &other}) {
    device->operations().gelu(*device, {x.data(), 1, 1});
    Pause();
    ASSERT_TRUE(device->Download(nullptr, {}).ok());
    const double seconds = device->use().seconds;
    Pause();
    EXPECT_EQ(device->use().seconds, seconds);
  }
  EXPECT_LT(host.use().seconds, kPause);
  EXPECT_GE(other.use().seconds, kPause);
}

TEST(MeasuredDevice, ACompleteOperationEndsItToo) {
  MeasuredDevice device(std::make_unique<cuda::HostBackend>(1));
  Values x = {1};
  device.operations().gelu(device, {x.data(), 1, 1});
  EXPECT_EQ(device.operations().largest_magnitude(device, Matrix{x.data(), 1, 1}), x[0]);
  Pause();
  ASSERT_TRUE(device.Download(nullptr, {}).ok());
  EXPECT_LT(device.use().seconds, kPause);
}

}  // namespace
}  // namespace nibble
