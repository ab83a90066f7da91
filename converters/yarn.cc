#include "converters/yarn.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace nibble {

std::vector<float> YarnFactors(const RopeScaling& scaling, uint32_t dimensions, double base) {
  // The pair that turns so many times within the original context.
  const auto dimension_of = [&](double turns) {
    return dimensions * std::log(scaling.original_context() / (turns * 2 * std::numbers::pi)) / (2 * std::log(base));
  };
  double low = dimension_of(scaling.beta_fast());
  double high = dimension_of(scaling.beta_slow());
  if (!scaling.untruncated()) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dimensions - 1.0);
  if (low == high) high += 0.001;
  std::vector<float> factors;
  for (uint32_t pair = 0; pair < dimensions / 2; ++pair) {
    const double slow = std::clamp((pair - low) / (high - low), 0.0, 1.0);
    factors.push_back(static_cast<float>(1 / (slow / scaling.factor() + (1 - slow))));
  }
  return factors;
}

double YarnMscale(double factor, double multiplier) {
  return factor <= 1 ? 1 : 0.1 * multiplier * std::log(factor) + 1;
}

float YarnMagnitude(const RopeScaling& scaling) {
  if (scaling.mscale() == 0 || scaling.mscale_all_dim() == 0) return static_cast<float>(YarnMscale(scaling.factor()));
  return static_cast<float>(YarnMscale(scaling.factor(), scaling.mscale()) /
                            YarnMscale(scaling.factor(), scaling.mscale_all_dim()));
}

}  // namespace nibble
