// Every format on every device: the bytes and the bits of the format's own functions on the CPU.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "absl/types/span.h"
#include "device/device.h"
#include "device/device_cases.h"
#include "device/on_device.h"
#include "gtest/gtest.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

using Bytes = std::vector<std::byte>;

constexpr int64_t kElements = 256 * 130;  // more than one run, of any block

// Gaussian, with a block of zeros, one of equal values, one of denormals, and an outlier.
Values Weights() {
  Values values = RandomValues(kElements, 1);
  for (int i = 0; i < 256; ++i) {
    values[256 + i] = 0;
    values[512 + i] = -0.3f;
    values[768 + i] = static_cast<float>(i - 128) * 1e-40f;
  }
  values[1100] = 1000;
  return values;
}

TEST_P(OnDevice, EncodesToTheCpusBytes) {
  const Values values = Weights();
  for (const BlockFormat& format : Formats()) {
    if (format.encode_rtn == nullptr) continue;
    SCOPED_TRACE(format.name);
    Bytes expected(format.BytesFor(kElements));
    format.encode_rtn(values.data(), kElements / format.block_elements, expected.data());
    for (int threads : {1, 2, 3}) {
      const auto device = Make(threads);
      const Buffer buffer = Put(*device, values);
      Bytes bytes(expected.size());
      device->operations().encode_rtn(*device, format, buffer.data(), absl::MakeSpan(bytes));
      EXPECT_EQ(bytes, expected) << threads << " threads";
    }
  }
}

// Rows of one block and of several, with weights, zeros among them, and without.
TEST_P(OnDevice, SearchesToTheCpusBytes) {
  const Values values = Weights();
  for (const BlockFormat& format : Formats()) {
    if (format.encode_weighted == nullptr) continue;
    SCOPED_TRACE(format.name);
    for (const int64_t row_blocks : {1, 13}) {
      const int64_t cols = row_blocks * format.block_elements,
                    rows = (format.block_elements > 1 ? 33 : 3000) / row_blocks;
      Values weights = RandomValues(cols, 3);
      for (float& weight : weights) weight = weight < -1.5f ? 0.0f : std::exp(weight);
      for (const float* shown : {static_cast<const float*>(nullptr), static_cast<const float*>(weights.data())}) {
        Bytes expected(format.BytesFor(rows * cols));
        for (int64_t row = 0; row < rows; ++row) {
          format.encode_weighted(&values[256 + row * cols], shown, row_blocks, &expected[row * format.BytesFor(cols)]);
        }
        for (int threads : {1, 2, 3}) {
          const auto device = Make(threads);
          const Buffer buffer = Put(*device, Values(&values[256], &values[256 + rows * cols]));
          const Buffer on_device = Put(*device, weights);
          Bytes bytes(expected.size());
          device->operations().encode_weighted(*device, format, buffer.matrix(rows, cols),
                                               shown == nullptr ? nullptr : on_device.data(), absl::MakeSpan(bytes));
          EXPECT_EQ(bytes, expected) << threads << " threads, " << row_blocks << " blocks a row";
        }
      }
    }
  }
}

// Whatever the bytes: NaN and infinities as well.
TEST_P(OnDevice, DecodesToTheCpusBits) {
  for (const BlockFormat& format : Formats()) {
    SCOPED_TRACE(format.name);
    std::mt19937 random(2);
    Bytes bytes(format.BytesFor(kElements));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    Values expected(kElements);
    format.decode(bytes.data(), kElements / format.block_elements, expected.data());
    for (int threads : {1, 2, 3}) {
      const auto device = Make(threads);
      const Buffer buffer = *device->Allocate(kElements);
      device->operations().decode(*device, format, bytes, buffer.data());
      const Values values = Get(*device, buffer);
      for (int64_t i = 0; i < kElements; ++i) {
        if (std::isnan(expected[i]) && std::isnan(values[i])) continue;  // of its payload nothing is promised
        ASSERT_EQ(std::memcmp(&values[i], &expected[i], sizeof(float)), 0)
            << threads << " threads, element " << i << ": " << values[i] << " for " << expected[i];
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, OnDevice, testing::ValuesIn(kDevices),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace nibble
