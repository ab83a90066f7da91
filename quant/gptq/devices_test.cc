// Rounding with error feedback on every device: as good as on the CPU, by outputs that are computed from the bytes.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "absl/types/span.h"
#include "device/cpu/cpu_device.h"
#include "device/cuda/host_backend.h"
#include "device/cuda/limited_backend.h"
#include "device/device_cases.h"
#include "gtest/gtest.h"
#include "quant/block/format.h"
#include "quant/gptq/fit.h"
#include "quant/gptq/gptq.h"
#include "quant/gptq/input_statistics.h"

namespace nibble {
namespace {

using Floats = std::vector<float>;

constexpr int64_t kColumns = 128, kRows = 40, kTokens = 900, kHeldOut = 300;
constexpr double kMostWorse = 0.02;

// Tokens whose columns go together: each is a walk through the columns.
Floats Inputs(int64_t tokens, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Floats inputs(tokens * kColumns);
  for (int64_t i = 0; i < tokens * kColumns; ++i) {
    inputs[i] = normal(random) + (i % kColumns > 0 ? 0.9f * inputs[i - 1] : 0.0f);
  }
  return inputs;
}

// Of outputs on tokens that nothing was fitted to, by plain sums.
double OutputError(const BlockFormat& format, const Floats& weights, const std::vector<std::byte>& bytes) {
  const Floats x = Inputs(kHeldOut, 3);
  Floats decoded(weights.size());
  format.decode(bytes.data(), weights.size() / format.block_elements, decoded.data());
  double sum = 0;
  for (int64_t t = 0; t < kHeldOut; ++t) {
    for (int64_t r = 0; r < kRows; ++r) {
      double difference = 0;
      for (int64_t j = 0; j < kColumns; ++j) {
        const int64_t i = r * kColumns + j;
        difference += (static_cast<double>(weights[i]) - decoded[i]) * x[t * kColumns + j];
      }
      sum += difference * difference;
    }
  }
  return sum;
}

void Add(Device& device, InputStatistics& statistics, const Floats& x) {
  const Buffer buffer = *device.Allocate(x.size());
  device.Upload(x, buffer.data());
  ASSERT_TRUE(statistics.Add(device, buffer.matrix(x.size() / kColumns, kColumns)).ok());
}

// The error that a fit on this device leaves; its figures must say the same.
double FitOn(Device& device, Format id) {
  const BlockFormat& format = GetFormat(id);
  const Floats weights = Inputs(kRows, 5);
  InputStatistics fit, held_out;
  Add(device, fit, Inputs(kTokens, 1));
  Add(device, held_out, Inputs(kHeldOut, 3));
  std::vector<std::byte> bytes(format.BytesFor(weights.size()));
  const auto figures = FitLinears(device, fit, held_out, {{&format, weights, absl::MakeSpan(bytes)}}, {});
  EXPECT_TRUE(figures.ok()) << figures.status();
  EXPECT_TRUE((*figures)[0].feedback);
  const double error = OutputError(format, weights, bytes);
  EXPECT_NEAR((*figures)[0].error, error, 0.01 * error);
  return error;
}

class GptqDevicesTest : public testing::TestWithParam<DeviceCase> {};

TEST_P(GptqDevicesTest, AsGoodAsTheCpu) {
  const absl::StatusOr<std::unique_ptr<Device>> device = GetParam().make(2);
  if (!device.ok()) GTEST_SKIP() << device.status();
  CpuDevice cpu(2);
  for (const Format format : {Format::kQ4_0, Format::kINT4_G128, Format::kMXFP4}) {
    EXPECT_LT(FitOn(**device, format), (1 + kMostWorse) * FitOn(cpu, format)) << GetFormat(format).name;
  }
}

// The search in as many rows as there is room for.
TEST(EncodeSearched, LittleRoomMakesSmallPieces) {
  const BlockFormat& format = GetFormat(Format::kQ4_0);
  const Floats values = Inputs(kRows, 5), weights(kColumns, 2.0f);
  std::vector<std::byte> expected(format.BytesFor(values.size())), found(expected.size());
  format.encode_weighted(values.data(), nullptr, values.size() / format.block_elements, expected.data());
  cuda::LimitedBackend small({.floats = 8 * kColumns});
  ASSERT_TRUE(EncodeSearched(small, format, weights, kColumns, values, absl::MakeSpan(found)).ok());
  EXPECT_EQ(found, expected);
  EXPECT_LE(small.most_used(), 8 * kColumns);
  cuda::LimitedBackend none({.floats = kColumns});
  EXPECT_EQ(EncodeSearched(none, format, weights, kColumns, values, absl::MakeSpan(found)).code(),
            absl::StatusCode::kResourceExhausted);
}

INSTANTIATE_TEST_SUITE_P(Devices, GptqDevicesTest, testing::ValuesIn(kDevices),
                         [](const auto& info) { return info.param.name; });

TEST(GptqDevicesTest, AsGoodWithStatisticsOfBf16) {
  cuda::HostBackend device(1, /*bf16=*/true);
  CpuDevice cpu(2);
  EXPECT_LT(FitOn(device, Format::kQ4_0), (1 + kMostWorse) * FitOn(cpu, Format::kQ4_0));
}

}  // namespace
}  // namespace nibble
