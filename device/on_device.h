// For tests of operations that run over every device.
#ifndef NIBBLE_DEVICE_ON_DEVICE_H_
#define NIBBLE_DEVICE_ON_DEVICE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "device/device.h"
#include "device/device_cases.h"
#include "gtest/gtest.h"

namespace nibble {

using Values = std::vector<float>;
using Doubles = std::vector<double>;

inline Values RandomValues(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Values values(count);
  for (float& value : values) value = normal(random);
  return values;
}

class OnDevice : public testing::TestWithParam<DeviceCase> {
 protected:
  void SetUp() override {
    if (const auto device = GetParam().make(1); !device.ok()) GTEST_SKIP() << device.status();
  }

  static std::unique_ptr<Device> Make(int threads) { return *GetParam().make(threads); }

  static Buffer Put(Device& device, const Values& values) {
    Buffer buffer = *device.Allocate(values.size());
    device.Upload(values, buffer.data());
    return buffer;
  }

  static Values Get(Device& device, const Buffer& buffer) {
    Values values(buffer.size());
    EXPECT_TRUE(device.Download(buffer.data(), absl::MakeSpan(values)).ok());
    return values;
  }

  // `run` gives the same bits on 1, 2 and 3 threads, and what `expected` says to `tolerance` of the largest value.
  static void Check(const std::function<Values(Device&)>& run, const Doubles& expected, double tolerance = 2e-6) {
    const Values result = run(*Make(1));
    ASSERT_EQ(result.size(), expected.size());
    double largest = 0, error = 0;
    for (size_t i = 0; i < result.size(); ++i) {
      ASSERT_TRUE(std::isfinite(result[i])) << i;
      largest = std::max(largest, std::abs(expected[i]));
      error = std::max(error, std::abs(result[i] - expected[i]));
    }
    EXPECT_LE(error, tolerance * largest);
    for (int threads : {2, 3}) EXPECT_EQ(run(*Make(threads)), result) << threads << " threads";
  }
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_ON_DEVICE_H_
