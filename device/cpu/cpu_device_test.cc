#include "device/cpu/cpu_device.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "device/device.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(CpuDeviceTest, ABufferOfTheSameSizeComesBack) {
  CpuDevice device;
  Buffer buffer = *device.Allocate(1000);
  const float* const first = buffer.data();
  buffer = {};
  EXPECT_NE(device.Allocate(1001)->data(), first);
  buffer = *device.Allocate(1000);
  EXPECT_EQ(buffer.data(), first);
  EXPECT_NE(device.Allocate(1000)->data(), first);  // it is in use
}

TEST(CpuDeviceTest, TheLastBuffersAreKeptAndNoMoreOfThem) {
  CpuDevice device;
  constexpr int64_t kFloats = kKeptBytes / sizeof(float) / 4;
  std::vector<Buffer> buffers;
  std::vector<float*> places;
  for (int i = 0; i < 6; ++i) {
    buffers.push_back(*device.Allocate(kFloats + i));
    places.push_back(buffers.back().data());
  }
  for (Buffer& buffer : buffers) buffer = {};  // in this order; four would be more than is kept
  const auto came_back = [&](int i) {
    Buffer again = *device.Allocate(kFloats + i);
    const bool same = again.data() == places[i];
    buffers.push_back(std::move(again));
    return same;
  };
  for (const int i : {3, 4, 5}) EXPECT_TRUE(came_back(i)) << i;
}

}  // namespace
}  // namespace nibble
