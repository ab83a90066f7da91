#include "quant/gptq/gptq.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "device/cpu/cpu_device.h"
#include "gtest/gtest.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

using Floats = std::vector<float>;

constexpr int64_t kColumns = 256, kRows = 70, kTokens = 800;

// Inputs as real ones are: columns that go together, and a few that are much larger.
Floats CorrelatedInputs(uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Floats inputs(kTokens * kColumns), shared(kColumns * 24), scale(kColumns);
  for (float& value : shared) value = normal(random);
  for (float& value : scale) value = std::exp(normal(random));
  for (int64_t t = 0; t < kTokens; ++t) {
    Floats factors(24);
    for (float& factor : factors) factor = normal(random);
    for (int64_t j = 0; j < kColumns; ++j) {
      float value = 0.7f * normal(random);
      for (int k = 0; k < 24; ++k) value += 0.3f * factors[k] * shared[j * 24 + k];
      inputs[t * kColumns + j] = scale[j] * value;
    }
  }
  return inputs;
}

Floats Gram(const Floats& inputs) {
  CpuDevice device(2);
  const Buffer x = *device.Allocate(inputs.size()), h = *device.Allocate(kColumns * kColumns);
  device.Upload(inputs, x.data());
  Floats gram(kColumns * kColumns);
  device.Upload(gram, h.data());
  device.operations().gram(device, x.matrix(inputs.size() / kColumns, kColumns), h.matrix(kColumns, kColumns));
  EXPECT_TRUE(device.Download(h.data(), absl::MakeSpan(gram)).ok());
  return gram;
}

Floats Weights(int64_t rows) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  Floats weights(rows * kColumns);
  for (float& weight : weights) weight = 0.05f * normal(random);
  return weights;
}

// Sum over tokens and rows of ((w - q) x)^2, from the bytes alone.
double OutputError(const BlockFormat& format, const Floats& weights, const std::vector<std::byte>& bytes,
                   const Floats& inputs) {
  Floats decoded(weights.size());
  format.decode(bytes.data(), weights.size() / format.block_elements, decoded.data());
  double sum = 0;
  for (size_t t = 0; t < inputs.size() / kColumns; ++t) {
    for (size_t r = 0; r < weights.size() / kColumns; ++r) {
      double error = 0;
      for (int64_t j = 0; j < kColumns; ++j) {
        error +=
            (static_cast<double>(weights[r * kColumns + j]) - decoded[r * kColumns + j]) * inputs[t * kColumns + j];
      }
      sum += error * error;
    }
  }
  return sum;
}

class GptqTest : public testing::TestWithParam<const BlockFormat*> {};

std::vector<const BlockFormat*> Possible() {
  std::vector<const BlockFormat*> formats;
  for (const BlockFormat& format : Formats()) {
    if (CanGptq(format.id)) formats.push_back(&format);
  }
  return formats;
}

INSTANTIATE_TEST_SUITE_P(Formats, GptqTest, testing::ValuesIn(Possible()),
                         [](const auto& info) { return std::string(info.param->name); });

std::vector<std::byte> Encode(const BlockFormat& format, const Floats& gram, const Floats& weights, int threads,
                              GptqFigures* figures = nullptr) {
  CpuDevice device(threads);
  const Curvature curvature = *Curvature::Of(device, gram, kColumns, 0.01);
  std::vector<std::byte> bytes(format.BytesFor(weights.size()));
  const auto result = EncodeGptq(device, format, curvature, weights, {}, absl::MakeSpan(bytes));
  EXPECT_TRUE(result.ok()) << result.status();
  if (figures != nullptr) *figures = *result;
  return bytes;
}

TEST_P(GptqTest, LowersTheErrorOfOutputsItHasNotSeen) {
  const BlockFormat& format = *GetParam();
  const Floats inputs = CorrelatedInputs(1), gram = Gram(inputs), weights = Weights(kRows);
  GptqFigures figures;
  const std::vector<std::byte> bytes = Encode(format, gram, weights, 2, &figures);
  std::vector<std::byte> searched(bytes.size());
  Floats diagonal;
  for (int64_t i = 0; i < kColumns; ++i) diagonal.push_back(gram[i * kColumns + i]);
  for (int64_t r = 0; r < kRows; ++r) {
    format.encode_weighted(&weights[r * kColumns], diagonal.data(), kColumns / format.block_elements,
                           &searched[r * format.BytesFor(kColumns)]);
  }
  const double error = OutputError(format, weights, bytes, inputs);
  EXPECT_LT(error, 0.6 * OutputError(format, weights, searched, inputs));
  EXPECT_LT(figures.error, 0.6 * figures.searched);  // with damping, which makes them a little larger
  EXPECT_GT(figures.searched, OutputError(format, weights, searched, inputs));
}

TEST_P(GptqTest, BytesDoNotDependOnThreads) {
  const Floats gram = Gram(CorrelatedInputs(2)), weights = Weights(kRows);
  const std::vector<std::byte> bytes = Encode(*GetParam(), gram, weights, 1);
  EXPECT_EQ(bytes, Encode(*GetParam(), gram, weights, 2));
  EXPECT_EQ(bytes, Encode(*GetParam(), gram, weights, 3));
}

// Nothing can be made up for; what is left to gain is what the search over scales did not find.
TEST(GptqOptionsTest, UncorrelatedInputsGainLittle) {
  Floats gram(kColumns * kColumns), weights = Weights(3);
  for (int64_t i = 0; i < kColumns; ++i) gram[i * kColumns + i] = 2;
  for (const BlockFormat* format : Possible()) {
    GptqFigures figures;
    Encode(*format, gram, weights, 1, &figures);
    EXPECT_LE(figures.error, figures.searched) << format->name;
    EXPECT_GT(figures.error, 0.9 * figures.searched) << format->name;
  }
}

// Refinement moves scales too, and never makes it worse.
TEST_P(GptqTest, RefinementLowersTheError) {
  const BlockFormat& format = *GetParam();
  const Floats gram = Gram(CorrelatedInputs(3)), weights = Weights(kRows);
  CpuDevice device(2);
  const Curvature curvature = *Curvature::Of(device, gram, kColumns, 0.01);
  std::vector<std::byte> bytes(format.BytesFor(weights.size()));
  double before = std::numeric_limits<double>::infinity();
  for (const int rounds : {0, 1, 3}) {
    const GptqFigures figures =
        *EncodeGptq(device, format, curvature, weights, {.rounds = rounds}, absl::MakeSpan(bytes));
    EXPECT_LT(figures.error, before) << rounds << " rounds";
    before = figures.error;
  }
}

TEST(CurvatureTest, DampingGrowsUntilTheFactorExists) {
  CpuDevice device(1);
  const Floats rank_one(64 * 64, 1.0f);
  EXPECT_EQ(Curvature::Of(device, rank_one, 64, 0.01)->damping(), 0.01);
  Floats indefinite = rank_one;
  indefinite[1] = indefinite[64] = 3;
  EXPECT_GT(Curvature::Of(device, indefinite, 64, 0.01)->damping(), 0.9);
  Floats hopeless = rank_one;  // no share of its mean makes it definite
  hopeless[1] = hopeless[64] = 1e9f;
  EXPECT_EQ(Curvature::Of(device, hopeless, 64, 0.01).status().message(),
            "gram of a linear's inputs: expected a positive definite matrix, found none");
}

TEST(CurvatureTest, RefusesWhatIsNoGram) {
  CpuDevice device(1);
  const Floats zeros(16);
  EXPECT_EQ(Curvature::Of(device, zeros, 4, 0.01).status().message(),
            "gram of a linear's inputs: expected inputs that are not all zero, found zeros");
  Floats bad(16, 1.0f);
  bad[7] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Curvature::Of(device, bad, 4, 0.01).status().message(),
            "gram of a linear's inputs: expected finite numbers, found inf");
}

}  // namespace
}  // namespace nibble
