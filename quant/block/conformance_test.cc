// What every row of the format table owes, tried on every row: a new format is covered by its row alone.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

using Bytes = std::vector<std::byte>;
using Floats = std::vector<float>;

// A multiple of every block.
constexpr size_t kRun = 256;
// From this largest value on, a block's scales are no denormals: of half (from 2^-14 on), of UE4M3 (from 2^-6 on).
constexpr float kFullPrecision = 0x1p-2f;

Floats Gaussian(size_t n, float scale, int seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  Floats values(n);
  for (float& value : values) value = normal(random);
  return values;
}

Floats RandomWeights(size_t n, int seed) {
  Floats weights = Gaussian(n, 1.5f, seed);
  for (float& weight : weights) weight = std::exp(weight);
  return weights;
}

struct Case {
  const char* name;
  Floats values;  // kRun of them
};

Floats Fill(float (*value)(int)) {
  Floats values(kRun);
  for (size_t i = 0; i < kRun; ++i) values[i] = value(static_cast<int>(i));
  return values;
}

// Blocks that a codec is apt to get wrong, and some plain ones.
std::vector<Case> Cases() {
  std::vector<Case> cases = {
      {"zeros", Fill([](int) { return 0.0f; })},
      {"negative zeros", Fill([](int) { return -0.0f; })},
      {"equal", Fill([](int) { return 0.75f; })},
      {"equal and negative", Fill([](int) { return -0.3f; })},
      {"one value in each block", Fill([](int i) { return i % 16 == 5 ? -0.4f : 0.0f; })},
      {"one spike", Fill([](int i) { return i == 77 ? 1000.0f : 0.01f * static_cast<float>(i % 7 - 3); })},
      {"a ramp", Fill([](int i) { return static_cast<float>(i); })},
      {"far from zero", Fill([](int i) { return 100.0f + 0.01f * static_cast<float>(i % 13); })},
      {"two levels", Fill([](int i) { return i % 2 ? 1.0f : -1.0f; })},
      {"smallest denormal", Fill([](int i) { return i % 3 ? std::numeric_limits<float>::denorm_min() : 0.0f; })},
      {"denormals", Fill([](int i) { return static_cast<float>(i - 128) * 1e-40f; })},
      {"denormal half scales", Fill([](int i) { return static_cast<float>(i - 128) * 3e-9f; })},
      {"beyond half", Fill([](int i) { return static_cast<float>(i - 100) * 3e5f; })},
      {"huge", Fill([](int i) { return i % 5 ? 3.4e38f : -3.4e38f; })},
      {"largest", Fill([](int) { return std::numeric_limits<float>::max(); })},
      {"lowest", Fill([](int) { return std::numeric_limits<float>::lowest(); })},
      {"all magnitudes", Fill([](int i) { return std::ldexp(i % 2 ? 1.3f : -1.7f, i - 128); })},
  };
  for (int exponent = -24; exponent <= 24; exponent += 6) {
    cases.push_back({"gaussian", Gaussian(kRun, std::ldexp(1.0f, exponent), exponent)});
  }
  for (int seed = 0; seed < 20; ++seed) {
    Floats values = Gaussian(kRun, 0.05f, 100 + seed);
    for (float& value : values) value = value * value * value * 400 + (seed % 2 ? 0.02f : 0.0f);
    cases.push_back({"heavy tails", values});
  }
  return cases;
}

class ConformanceTest : public testing::TestWithParam<const BlockFormat*> {
 protected:
  const BlockFormat& format() const { return *GetParam(); }

  Bytes Rtn(const Floats& values) const {
    Bytes bytes(format().BytesFor(values.size()));
    format().encode_rtn(values.data(), values.size() / format().block_elements, bytes.data());
    return bytes;
  }

  Bytes Weighted(const Floats& values, const Floats& weights) const {
    Bytes bytes(format().BytesFor(values.size()));
    format().encode_weighted(values.data(), weights.empty() ? nullptr : weights.data(),
                             values.size() / format().block_elements, bytes.data());
    return bytes;
  }

  Floats Decode(const Bytes& bytes) const {
    Floats values(bytes.size() / format().block_bytes * format().block_elements);
    format().decode(bytes.data(), bytes.size() / format().block_bytes, values.data());
    return values;
  }

  // sum w (value - decoded)^2 of each block.
  std::vector<double> BlockErrors(const Floats& values, const Floats& weights, const Bytes& bytes) const {
    const Floats decoded = Decode(bytes);
    std::vector<double> errors(values.size() / format().block_elements);
    for (size_t i = 0; i < values.size(); ++i) {
      const double rest = static_cast<double>(values[i]) - decoded[i];
      errors[i / format().block_elements] += (weights.empty() ? 1.0 : weights[i]) * rest * rest;
    }
    return errors;
  }
};

std::vector<const BlockFormat*> Writable() {
  std::vector<const BlockFormat*> formats;
  for (const BlockFormat& format : Formats()) {
    if (format.encode_rtn != nullptr) formats.push_back(&format);
  }
  return formats;
}

INSTANTIATE_TEST_SUITE_P(Formats, ConformanceTest, testing::ValuesIn(Writable()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST_P(ConformanceTest, DecodesNearWhatWasEncoded) {
  // Each bit halves the error, down to the 8 bits of BF16's mantissa.
  const double bits = std::min(8.0 * format().block_bytes / format().block_elements, 9.0);
  const Floats values = Gaussian(64 * kRun, 0.02f, 1);
  double power = 0, rtn = 0, weighted = 0;
  for (float value : values) power += static_cast<double>(value) * value;
  for (double error : BlockErrors(values, {}, Rtn(values))) rtn += error;
  for (double error : BlockErrors(values, {}, Weighted(values, {}))) weighted += error;
  EXPECT_LT(std::sqrt(rtn / power), std::exp2(1.4 - bits));
  EXPECT_LE(weighted, rtn);
  if (format().block_elements > 1) {
    EXPECT_LT(weighted, 0.97 * rtn) << "the search gains nothing";
  }
}

TEST_P(ConformanceTest, FiniteStaysFinite) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    for (const Bytes& bytes : {Rtn(c.values), Weighted(c.values, {}), Weighted(c.values, RandomWeights(kRun, 5))}) {
      for (float value : Decode(bytes)) ASSERT_TRUE(std::isfinite(value));
    }
  }
}

// Blocks of one shape, within [-1, 1].
struct Shape {
  const char* name;
  Floats values;
};

std::vector<Shape> Shapes(int seed) {
  std::mt19937 random(seed);
  const Floats gaussian = Gaussian(kRun, 0.25f, seed);
  std::vector<Shape> shapes = {{"gaussian", gaussian},        {"far from zero", gaussian},
                               {"two levels", gaussian},      {"all magnitudes", gaussian},
                               {"equal", Floats(kRun, 1.0f)}, {"one outlier", Floats(kRun, -0.0f)}};
  for (float& value : shapes[1].values) value = std::abs(value) + 0.5f;
  for (float& value : shapes[2].values) value = std::copysign(1.0f, value);
  for (float& value : shapes[3].values) value = std::ldexp(value, -static_cast<int>(random() % 24));
  shapes[5].values[random() % kRun] = -1;
  for (Shape& shape : shapes) {
    for (float& value : shape.values) value = std::clamp(value, -1.0f, 1.0f);
  }
  return shapes;
}

// At any magnitude that a float has, through the ends of half's, E8M0's and UE4M3's ranges: what is finite comes back
// finite and not blown up; where scales have their full precision, off by no more than half a step or two.
TEST_P(ConformanceTest, AnyMagnitudeIsWithinTheBound) {
  const double bits = std::min(8.0 * format().block_bytes / format().block_elements, 9.0);
  const float end = std::abs(Decode(Rtn(Floats(kRun, std::numeric_limits<float>::max())))[0]);
  for (int exponent = -149; exponent <= 127; ++exponent) {
    for (const Shape& shape : Shapes(exponent)) {
      SCOPED_TRACE(testing::Message() << shape.name << " times 2^" << exponent);
      Floats values = shape.values;
      for (float& value : values) value = std::ldexp(value, exponent);
      const float scale = std::ldexp(1.0f, exponent);
      for (const Bytes& bytes : {Weighted(values, {}), Weighted(values, RandomWeights(kRun, exponent)), Rtn(values)}) {
        for (const float value : Decode(bytes)) {
          ASSERT_TRUE(std::isfinite(value));
          ASSERT_LE(std::abs(value), 2.5f * scale + 0x1p-10f);
        }
      }
      if (scale < kFullPrecision || scale > end / 16) continue;  // minima of K-quants end before their values do
      const Floats decoded = Decode(Rtn(values));
      for (size_t i = 0; i < kRun; ++i) {
        ASSERT_LE(std::abs(decoded[i] - values[i]), scale * std::exp2(2.5 - bits)) << i << ", " << values[i];
      }
    }
  }
}

// A model that was trained for a format, or comes from a file of it, loses nothing.
TEST_P(ConformanceTest, WhatWasQuantizedComesBack) {
  const Floats values = Decode(Rtn(Gaussian(512 * kRun, 0.02f, 5)));
  EXPECT_EQ(Decode(Weighted(values, {})), values);
  EXPECT_EQ(Decode(Weighted(values, RandomWeights(values.size(), 6))), values);
}

TEST_P(ConformanceTest, ZerosStayZero) {
  for (float zero : {0.0f, -0.0f}) {
    const Floats values(kRun, zero);
    for (const Bytes& bytes : {Rtn(values), Weighted(values, {}), Weighted(values, RandomWeights(kRun, 5))}) {
      for (float value : Decode(bytes)) ASSERT_EQ(value, 0.0f);
    }
  }
}

TEST_P(ConformanceTest, EqualValuesStayEqual) {
  for (float equal : {0.75f, -0.75f, 24.0f, -0.0234375f}) {
    const Floats values(kRun, equal);
    for (const Bytes& bytes : {Rtn(values), Weighted(values, {})}) {
      for (float value : Decode(bytes)) ASSERT_NEAR(value, equal, std::abs(equal) / 256);
    }
  }
}

TEST_P(ConformanceTest, ValuesBeyondTheRangeBecomeItsEnds) {
  for (float sign : {1.0f, -1.0f}) {
    for (const auto encode : {0, 1}) {
      const Floats huge(kRun, sign * 3e38f), large(kRun, sign * 2000.0f);
      const float end = sign * Decode(encode == 0 ? Rtn(huge) : Weighted(huge, {}))[0];
      const float inside = sign * Decode(encode == 0 ? Rtn(large) : Weighted(large, {}))[0];
      EXPECT_GE(end, inside);
      EXPECT_GT(inside, 1500.0f);
    }
  }
}

TEST_P(ConformanceTest, WeightedIsNeverWorseThanRtn) {
  int seed = 0;
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    Floats some = RandomWeights(kRun, ++seed);  // with channels that were never active
    for (size_t i = 0; i < kRun; i += 3) some[i] = 0;
    for (const Floats& weights : {Floats(), RandomWeights(kRun, ++seed), some}) {
      const std::vector<double> rtn = BlockErrors(c.values, weights, Rtn(c.values));
      const std::vector<double> weighted = BlockErrors(c.values, weights, Weighted(c.values, weights));
      for (size_t b = 0; b < rtn.size(); ++b) ASSERT_LE(weighted[b], rtn[b]) << "block " << b;
    }
  }
}

TEST_P(ConformanceTest, NoWeightsMeansOnes) {
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Weighted(c.values, {}), Weighted(c.values, Floats(kRun, 1.0f)));
  }
}

TEST_P(ConformanceTest, OnlyTheRatioOfWeightsMatters) {
  const Floats values = Gaussian(kRun, 0.02f, 2), weights = RandomWeights(kRun, 3);
  for (int exponent : {-90, -20, 20, 90}) {
    Floats scaled = weights;
    for (float& weight : scaled) weight = std::ldexp(weight, exponent);
    EXPECT_EQ(Weighted(values, scaled), Weighted(values, weights)) << "times 2^" << exponent;
  }
}

TEST_P(ConformanceTest, WeightsAreRespected) {
  const Floats values = Gaussian(64 * kRun, 0.02f, 4);
  Floats weights(values.size(), 1.0f), chosen(values.size(), 0.0f);
  for (size_t i = 0; i < weights.size(); i += 8) {
    weights[i] = 50;
    chosen[i] = 1;
  }
  double with = 0, without = 0;
  for (double error : BlockErrors(values, chosen, Weighted(values, weights))) with += error;
  for (double error : BlockErrors(values, chosen, Weighted(values, {}))) without += error;
  if (format().block_elements > 1) {
    EXPECT_LT(with, 0.97 * without);
  } else {
    EXPECT_EQ(with, without);
  }
}

TEST_P(ConformanceTest, WhatWeighsNothingIsEncodedToo) {
  const Floats values = Gaussian(64 * kRun, 0.02f, 10), weights = RandomWeights(values.size(), 11);
  Floats half = weights, idle(values.size(), 1.0f);  // the first half of every 256 has no weight
  for (size_t i = 0; i < values.size(); ++i) (i % kRun < kRun / 2 ? half : idle)[i] = 0;
  double error = 0, rtn = 0;
  for (double e : BlockErrors(values, idle, Weighted(values, half))) error += e;
  for (double e : BlockErrors(values, idle, Rtn(values))) rtn += e;
  EXPECT_LE(error, 1.1 * rtn);
  EXPECT_EQ(Weighted(values, Floats(values.size(), 0.0f)), Rtn(values));
}

TEST_P(ConformanceTest, WhatIsOnTheGridStaysThere) {
  if (format().block_elements == 256) GTEST_SKIP() << "a rounded super-scale moves its groups' grids";
  for (const Floats& values : {Gaussian(kRun, 1.0f, 8), Gaussian(kRun, 300.0f, 9), Floats(kRun, -0.3f),
                               Fill([](int i) { return static_cast<float>(i); })}) {
    const Floats once = Decode(Rtn(values));
    EXPECT_EQ(Decode(Rtn(once)), once);
    EXPECT_EQ(Decode(Weighted(once, {})), once);
  }
}

TEST_P(ConformanceTest, BytesDoNotDependOnTheRun) {
  const Floats values = Gaussian(4 * kRun, 0.02f, 6), weights = RandomWeights(4 * kRun, 7);
  const Bytes rtn = Rtn(values), weighted = Weighted(values, weights);
  const Floats decoded = Decode(weighted);
  const size_t elements = format().block_elements, bytes = format().block_bytes;
  Bytes one(bytes + 1);
  std::byte* unaligned = one.data() + 1;
  Floats block(elements);
  for (size_t b = 0; b < values.size() / elements; ++b) {
    format().encode_rtn(&values[b * elements], 1, unaligned);
    ASSERT_TRUE(std::equal(unaligned, unaligned + bytes, &rtn[b * bytes]));
    format().encode_weighted(&values[b * elements], &weights[b * elements], 1, unaligned);
    ASSERT_TRUE(std::equal(unaligned, unaligned + bytes, &weighted[b * bytes]));
    format().decode(unaligned, 1, block.data());
    ASSERT_TRUE(std::equal(block.begin(), block.end(), &decoded[b * elements]));
  }
}

TEST_P(ConformanceTest, NoBlocksNoBytes) {
  std::byte untouched{42};
  format().encode_rtn(nullptr, 0, &untouched);
  format().encode_weighted(nullptr, nullptr, 0, &untouched);
  format().decode(nullptr, 0, nullptr);
  EXPECT_EQ(untouched, std::byte{42});
}

}  // namespace
}  // namespace nibble
