#include "device/cpu/cpu_device.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
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

// Of a product each row alone, wherever it stands and whatever is beside it.
TEST(CpuDeviceTest, ASteadyOnesRowsDoNotDependOnOneAnother) {
  CpuDevice device(1, /*steady=*/true);
  for (const auto& shape : std::vector<std::pair<int64_t, int64_t>>{{32, 16}, {96, 40}, {576, 130}}) {
    const int64_t inputs = shape.first, outputs = shape.second;
    Buffer w = *device.Allocate(outputs * inputs), bias = *device.Allocate(outputs);
    for (int64_t i = 0; i < outputs * inputs; ++i) w.data()[i] = 0.1f * static_cast<float>(i * 7919 % 101 - 50);
    for (int64_t i = 0; i < outputs; ++i) bias.data()[i] = 0.3f * static_cast<float>(i);
    const int64_t all = 600;
    Buffer x = *device.Allocate(all * inputs), expected = *device.Allocate(all * outputs);
    for (int64_t i = 0; i < all * inputs; ++i) x.data()[i] = 0.01f * static_cast<float>(i * 104729 % 997 - 498);
    const auto multiply = [&](int64_t first, int64_t rows, Matrix y) {
      device.operations().matmul(device, x.matrix(all, inputs).Rows(first, first + rows), w.matrix(outputs, inputs),
                                 bias.data(), y);
    };
    multiply(0, all, expected.matrix(all, outputs));
    for (const int64_t rows : {1, 2, 3, 4, 7, 16, 23, 24, 25, 100, 239, 240, 241, 256, 500}) {
      for (const int64_t first : {0, 1, 37, 100}) {
        Buffer y = *device.Allocate(rows * outputs);
        multiply(first, rows, y.matrix(rows, outputs));
        EXPECT_TRUE(std::equal(y.data(), y.data() + rows * outputs, expected.data() + first * outputs))
            << rows << " rows from " << first << " on, of " << inputs << " inputs";
      }
    }
  }
}

TEST(CpuDeviceTest, AQuadraticFormDoesNotDependOnTheRowsBesideIt) {
  CpuDevice device(1);
  const int64_t n = 416, all = 600;
  Buffer h = *device.Allocate(n * n), x = *device.Allocate(all * n);
  for (int64_t i = 0; i < n * n; ++i) h.data()[i] = 0.1f * static_cast<float>(i * 7919 % 101 - 50);
  for (int64_t i = 0; i < all * n; ++i) x.data()[i] = 0.01f * static_cast<float>(i * 104729 % 997 - 498);
  const std::vector<float> weights(n, 1.5f);
  std::vector<double> expected(all);
  device.operations().quadratic_forms(device, x.matrix(all, n), h.matrix(n, n), weights.data(),
                                      absl::MakeSpan(expected));
  for (const int64_t rows : {1, 24, 64, 239, 240, 241, 500}) {
    for (const int64_t first : {0, 1, 64, 100}) {
      std::vector<double> sums(rows);
      device.operations().quadratic_forms(device, x.matrix(all, n).Rows(first, first + rows), h.matrix(n, n),
                                          weights.data(), absl::MakeSpan(sums));
      EXPECT_TRUE(std::equal(sums.begin(), sums.end(), expected.begin() + first)) << rows << " rows from " << first;
    }
  }
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
