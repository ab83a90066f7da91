#include "runtime/sampling.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace nibble {

uint32_t Sampler::Sample(absl::Span<const float> logits) {
  const auto largest = std::max_element(logits.begin(), logits.end());
  if (temperature_ == 0) return largest - logits.begin();

  std::vector<double> cumulative;
  double sum = 0;
  for (float logit : logits) cumulative.push_back(sum += std::exp((logit - *largest) / temperature_));
  // 53 random bits as a fraction: the standard library's distributions differ between implementations.
  const double draw = std::ldexp(static_cast<double>(random_() >> 11), -53) * sum;
  return std::upper_bound(cumulative.begin(), cumulative.end() - 1, draw) - cumulative.begin();
}

}  // namespace nibble
