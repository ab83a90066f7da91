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
  const AffineValues<kN, kOffset> values(v.x, v.w);
  double least = kInfinity;
  for (int i = 40; i <= 110; ++i) {
    for (int j = -10; j <= 40; ++j) {
      Affine at = {values.span / kMaxCode * static_cast<float>(i) / 100, values.span * static_cast<float>(j) / 100};
      if (kOffset == Offset::kAtMostZero) at.offset = std::min(at.offset, values.Limit());
      const AffineFit fit = RoundAtAffine<kMaxCode>(values, at);
      least = std::min<double>(least, fit.ErrorAt(fit.Refit<kOffset>(values.Limit())));
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
      const AffineValues<kN, kOffset> values(v.x, v.w);
      const AffineFit fit = SearchAffine<kMaxCode>(values);
      if (kOffset == Offset::kAtMostZero) {
        EXPECT_LE(fit.at.offset, values.Limit());
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
  const AffineValues<kN, Offset::kAny> values(v.x, v.w);
  const AffineFit fit = SearchAffine<kMaxCode>(values);
  EXPECT_EQ(fit.at.scale, 0.125f);
  EXPECT_EQ(values.origin + fit.at.offset, -0.75f);
  EXPECT_EQ(fit.error, 0);
}

TEST(AffineSearchTest, ErrorAtIsTheErrorThere) {
  std::mt19937 random(2);
  const Values v = RandomValues(random, true, 0);
  const Affine at = {0.3f, -2.0f}, other = {0.31f, -1.9f};
  const AffineValues<kN, Offset::kAny> values(v.x, v.w);
  const AffineFit fit = RoundAtAffine<kMaxCode>(values, {at.scale, at.offset - values.origin});
  const auto ErrorAt = [&](Affine there) { return fit.ErrorAt({there.scale, there.offset - values.origin}); };
  double error = 0;
  for (int i = 0; i < kN; ++i) {
    const float code = RoundToEven(Clamp((v.x[i] - at.offset) / at.scale, 0, kMaxCode));
    const double rest = v.x[i] - other.scale * code - other.offset;
    error += v.w[i] * rest * rest;
  }
  EXPECT_NEAR(ErrorAt(other), error, 1e-4);
  const Affine refit = fit.Refit<Offset::kAny>(values.Limit());
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
  const AffineValues<kN, Offset::kAny> values(v.x, v.w);
  const AffineFit fit = SearchAffine<kMaxCode>(values);
  EXPECT_EQ(fit.error, 0);
  EXPECT_EQ(values.origin + fit.at.offset, -1.5f);
}

// Sums of squares of such values have no digit for the rests, unless they are measured from one of them.
TEST(AffineSearchTest, WhatValuesHaveInCommonCostsNoPrecision) {
  std::mt19937 random(3);
  const Values v = RandomValues(random, false, 0);
  Values near_one = v;
  for (float& x : near_one.x) x = 1 + 0x1p-12f * x;
  const AffineValues<kN, Offset::kAny> plain(v.x, v.w), moved(near_one.x, v.w);
  EXPECT_NEAR(SearchAffine<kMaxCode>(moved).error * 0x1p24f, SearchAffine<kMaxCode>(plain).error, 0.01);
}

}  // namespace
}  // namespace nibble
