// Against values worked out by hand.
#include "runtime/statistics.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace nibble {
namespace {

TEST(StatisticsTest, Mean) {
  const Estimate mean = Mean({1, 2, 3, 6});  // squared deviations 4 + 1 + 0 + 9
  EXPECT_DOUBLE_EQ(mean.value, 3);
  EXPECT_DOUBLE_EQ(mean.se, std::sqrt(14.0 / 4 / 3));
  EXPECT_DOUBLE_EQ(Mean({5}).value, 5);
  EXPECT_EQ(Mean({5}).se, 0);
}

TEST(StatisticsTest, CovarianceAndDifferenceOfMeans) {
  const std::vector<double> a = {1, 2, 3}, b = {2, 2, 5};  // deviations -1 0 1 and -1 -1 2
  const double covariance = CovarianceOfMeans(a, b);
  EXPECT_DOUBLE_EQ(covariance, 3.0 / 3 / 2);
  const Estimate difference = Difference(Mean(a), Mean(b), covariance);
  EXPECT_DOUBLE_EQ(difference.value, -1);
  EXPECT_DOUBLE_EQ(difference.se, Mean({-1, 0, -2}).se);  // as of the differences themselves
  EXPECT_EQ(Difference(Mean(a), Mean(a), CovarianceOfMeans(a, a)).se, 0);
}

TEST(StatisticsTest, RootMeanSquare) {
  const Estimate rms = RootMeanSquare({3, -4});  // squares 9 and 16
  EXPECT_DOUBLE_EQ(rms.value, std::sqrt(12.5));
  EXPECT_DOUBLE_EQ(rms.se, 0.5 / std::sqrt(12.5) * 3.5);
  EXPECT_EQ(RootMeanSquare({0, 0}).value, 0);
  EXPECT_EQ(RootMeanSquare({0, 0}).se, 0);
}

TEST(StatisticsTest, Share) {
  EXPECT_DOUBLE_EQ(Share(3, 4).value, 0.75);
  EXPECT_DOUBLE_EQ(Share(3, 4).se, 0.25);
  EXPECT_EQ(Share(1, 1).se, 0);
}

TEST(StatisticsTest, Exp) {
  EXPECT_DOUBLE_EQ(Exp({2, 0.1}).value, std::exp(2));
  EXPECT_DOUBLE_EQ(Exp({2, 0.1}).se, 0.1 * std::exp(2));
}

TEST(StatisticsTest, Percentile) {
  const std::vector<double> sorted = {0, 10, 20, 40};
  EXPECT_DOUBLE_EQ(Percentile(sorted, 0), 0);
  EXPECT_DOUBLE_EQ(Percentile(sorted, 0.5), 15);  // the median
  EXPECT_DOUBLE_EQ(Percentile(sorted, 0.9), 34);
  EXPECT_DOUBLE_EQ(Percentile(sorted, 1), 40);
  EXPECT_DOUBLE_EQ(Percentile({7}, 0.3), 7);
}

}  // namespace
}  // namespace nibble
