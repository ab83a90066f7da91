#include "runtime/statistics.h"

#include <algorithm>
#include <cmath>

namespace nibble {
namespace {

double MeanValue(absl::Span<const double> samples) {
  double sum = 0;
  for (double sample : samples) sum += sample;
  return sum / samples.size();
}

}  // namespace

Estimate Mean(absl::Span<const double> samples) {
  return {MeanValue(samples), std::sqrt(CovarianceOfMeans(samples, samples))};
}

double CovarianceOfMeans(absl::Span<const double> a, absl::Span<const double> b) {
  if (a.size() < 2) return 0;
  const double mean_a = MeanValue(a), mean_b = MeanValue(b);
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / a.size() / (a.size() - 1.0);
}

Estimate RootMeanSquare(absl::Span<const double> samples) {
  std::vector<double> squares;
  for (double sample : samples) squares.push_back(sample * sample);
  const Estimate mean = Mean(squares);
  if (mean.value == 0) return {};
  const double root = std::sqrt(mean.value);
  return {root, 0.5 / root * mean.se};
}

Estimate Share(int64_t successes, int64_t trials) {
  const double share = static_cast<double>(successes) / trials;
  return {share, trials < 2 ? 0 : std::sqrt(share * (1 - share) / (trials - 1))};
}

Estimate Exp(const Estimate& estimate) {
  const double value = std::exp(estimate.value);
  return {value, value * estimate.se};
}

Estimate Difference(const Estimate& a, const Estimate& b, double covariance) {
  // Rounding may leave less than nothing where both are the same samples.
  const double variance = a.se * a.se + b.se * b.se - 2 * covariance;
  return {a.value - b.value, std::sqrt(std::max(0.0, variance))};
}

double Percentile(absl::Span<const double> sorted, double fraction) {
  const double place = fraction * (sorted.size() - 1);
  const size_t below = place;
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double weight = place - below;
  return (1 - weight) * sorted[below] + weight * sorted[above];
}

}  // namespace nibble
