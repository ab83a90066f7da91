#include "quant/block/affine_search.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "gtest/gtest.h"
#include "quant/block/extremes.h"
#include "quant/block/rounding.h"

namespace nibble {
namespace {

constexpr int kN = 32, kMaxCode = 15;

struct Values {
  float x[kN], w[kN];
};

Values RandomValues(std::mt19937& random, bool weighted, float shift) {
  std::normal_distribution<float> normal;
  Values values;
  for (int i = 0; i < kN; ++i) {
    values.x[i] = normal(random) + shift;
    values.w[i] = weighted ? std::exp(normal(random)) : 1.0f;
  }
  return values;
}

// The least error over a dense field of scales and offsets.
template <Offset kOffset>
double BruteForce(const Values& v) {
  Range range = MinMax(v.x, kN);
  if (kOffset == Offset::kAtMostZero) range.min = std::min(range.min, 0.0f);
  const float span = range.max - range.min;
  double least = kInfinity;
  for (int i = 40; i <= 110; ++i) {
    for (int j = -10; j <= 40; ++j) {
      Affine at = {span / kMaxCode * static_cast<float>(i) / 100, range.min + span * static_cast<float>(j) / 100};
      if (kOffset == Offset::kAtMostZero) at.offset = std::min(at.offset, 0.0f);
      const AffineFit fit = RoundAtAffine<kMaxCode, kN>({v.x, v.w}, at);
      least = std::min<double>(least, fit.ErrorAt(fit.Refit<kOffset>()));
    }
  }
  return least;
}

template <Offset kOffset>
void IsNearBruteForce(float shift) {
  std::mt19937 random(1);
  for (bool weighted : {false, true}) {
    double found = 0, least = 0;
    for (int block = 0; block < 10; ++block) {
      const Values v = RandomValues(random, weighted, shift);
      const AffineFit fit = SearchAffine<kMaxCode, kN, kOffset>({v.x, v.w});
      if (kOffset == Offset::kAtMostZero) {
        EXPECT_LE(fit.at.offset, 0);
      }
      found += fit.error;
      least += BruteForce<kOffset>(v);
    }
    EXPECT_LT(found, 1.1 * least) << "weighted " << weighted;
  }
}

TEST(AffineSearchTest, AnyOffset) { IsNearBruteForce<Offset::kAny>(0); }
TEST(AffineSearchTest, OffsetAtMostZero) { IsNearBruteForce<Offset::kAtMostZero>(0); }
TEST(AffineSearchTest, OffsetAtMostZeroOfPositiveValues) { IsNearBruteForce<Offset::kAtMostZero>(3); }

TEST(AffineSearchTest, FindsTheParametersOfValuesOnTheGrid) {
  Values v;
  for (int i = 0; i < kN; ++i) {
    v.x[i] = static_cast<float>(i % 16) * 0.125f - 0.75f;
    v.w[i] = 1;
  }
  const AffineFit fit = SearchAffine<kMaxCode, kN, Offset::kAny>({v.x, v.w});
  EXPECT_EQ(fit.at.scale, 0.125f);
  EXPECT_EQ(fit.at.offset, -0.75f);
  EXPECT_EQ(fit.error, 0);
}

TEST(AffineSearchTest, ErrorAtIsTheErrorThere) {
  std::mt19937 random(2);
  const Values v = RandomValues(random, true, 0);
  const Affine at = {0.3f, -2.0f}, other = {0.31f, -1.9f};
  const AffineFit fit = RoundAtAffine<kMaxCode, kN>({v.x, v.w}, at);
  double error = 0;
  for (int i = 0; i < kN; ++i) {
    const float code = RoundToEven(Clamp((v.x[i] - at.offset) / at.scale, 0, kMaxCode));
    const double rest = v.x[i] - other.scale * code - other.offset;
    error += v.w[i] * rest * rest;
  }
  EXPECT_NEAR(fit.ErrorAt(other), error, 1e-4);
  const Affine refit = fit.Refit<Offset::kAny>();
  for (float ds : {-0.01f, 0.01f}) {
    for (float dm : {-0.01f, 0.01f}) {
      EXPECT_LT(fit.ErrorAt(refit), fit.ErrorAt({refit.scale + ds, refit.offset + dm}));
    }
  }
}

TEST(AffineSearchTest, EqualValuesAreAnOffset) {
  Values v;
  for (int i = 0; i < kN; ++i) {
    v.x[i] = -1.5f;
    v.w[i] = 1;
  }
  const AffineFit fit = SearchAffine<kMaxCode, kN, Offset::kAny>({v.x, v.w});
  EXPECT_EQ(fit.error, 0);
  EXPECT_EQ(fit.at.offset, -1.5f);
}

}  // namespace
}  // namespace nibble
