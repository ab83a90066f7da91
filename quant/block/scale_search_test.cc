#include "quant/block/scale_search.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "gtest/gtest.h"
#include "quant/block/grid.h"
#include "quant/block/iq4.h"
#include "quant/block/rounding.h"

namespace nibble {
namespace {

constexpr int kN = 32;

struct Values {
  float x[kN], w[kN];
};

Values RandomValues(std::mt19937& random, bool weighted) {
  std::normal_distribution<float> normal;
  Values values;
  for (int i = 0; i < kN; ++i) {
    values.x[i] = normal(random);
    values.w[i] = weighted ? std::exp(normal(random)) : 1.0f;
  }
  return values;
}

// The least error over a dense row of scales.
template <typename Grid>
double BruteForce(const Values& v) {
  const float top = AbsMax(v.x, kN);
  double least = kInfinity;
  for (int i = 300; i <= 1200; i += 3) {
    for (float end : {Grid::kLow, Grid::kHigh}) {
      for (float sign : {-1.0f, 1.0f}) {
        const float scale = sign * top / end * static_cast<float>(i) / 1000;
        least = std::min<double>(least, RoundAtScale<Grid>(ScaleValues<kN>(v.x, v.w), scale).RefitError());
      }
    }
  }
  return least;
}

template <typename Grid>
void IsNearBruteForce(double factor) {
  std::mt19937 random(1);
  for (bool weighted : {false, true}) {
    double found = 0, least = 0;
    for (int block = 0; block < 16; ++block) {
      const Values v = RandomValues(random, weighted);
      found += SearchScale<Grid>(ScaleValues<kN>(v.x, v.w)).error;
      least += BruteForce<Grid>(v);
    }
    EXPECT_LT(found, factor * least) << "weighted " << weighted;
  }
}

TEST(ScaleSearchTest, FourBits) { IsNearBruteForce<IntegerGrid<-8, 7>>(1.04); }
TEST(ScaleSearchTest, FiveBits) { IsNearBruteForce<IntegerGrid<-16, 15>>(1.04); }
TEST(ScaleSearchTest, UnevenLevels) { IsNearBruteForce<Iq4Grid>(1.04); }

TEST(ScaleSearchTest, FindsTheScaleOfValuesOnTheGrid) {
  using Grid = IntegerGrid<-8, 7>;
  Values v = {};
  for (int i = 0; i < kN; ++i) {
    v.x[i] = static_cast<float>(i % 16 - 8) * -0.125f;
    v.w[i] = 1;
  }
  const ScaleFit fit = SearchScale<Grid>(ScaleValues<kN>(v.x, v.w));
  EXPECT_EQ(fit.scale, -0.125f);
  EXPECT_EQ(fit.error, 0);
}

TEST(ScaleSearchTest, RefitErrorIsTheErrorAtTheRefit) {
  std::mt19937 random(2);
  const Values v = RandomValues(random, true);
  const ScaleFit fit = RoundAtScale<IntegerGrid<-8, 7>>(ScaleValues<kN>(v.x, v.w), 0.3f);
  double error = 0;
  for (int i = 0; i < kN; ++i) {
    const double rest = v.x[i] - fit.Refit() * IntegerGrid<-8, 7>::Nearest(v.x[i] / 0.3f);
    error += v.w[i] * rest * rest;
  }
  EXPECT_NEAR(fit.RefitError(), error, 1e-5);
  EXPECT_LE(fit.RefitError(), fit.error);
}

TEST(ScaleSearchTest, NothingToWeighKeepsTheScale) {
  const Values v = {{1, 2, 3}, {}};
  const ScaleFit fit = RoundAtScale<IntegerGrid<-8, 7>>(ScaleValues<kN>(v.x, v.w), 0.5f);
  EXPECT_EQ(fit.Refit(), 0.5f);
  EXPECT_EQ(fit.RefitError(), 0);
}

TEST(ScaleSearchTest, HalfScalesAreTriedWhereTheyAreCoarse) {
  // The ideal scale lies below half the smallest half: rounded to it, all would be zero.
  float values[kN];
  for (int i = 0; i < kN; ++i) values[i] = i % 2 ? 6e-8f : -6e-8f;
  const Normalized<kN> block(values, nullptr);
  const Ints half = SearchHalfScale<IntegerGrid<-8, 7>>(block);
  EXPECT_EQ(half & 0x7fff, 1);
}

}  // namespace
}  // namespace nibble
