#include "quant/transform/awq_scales.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace nibble {

std::vector<float> AwqScales(absl::Span<const float> mean_squares, double alpha) {
  assert(0 <= alpha && alpha <= 1);
  const double sum = std::accumulate(mean_squares.begin(), mean_squares.end(), 0.0);
  if (sum == 0) return std::vector<float>(mean_squares.size(), 1);
  const double least = kLeastShare * sum / mean_squares.size();
  std::vector<double> logs;
  for (const float square : mean_squares) logs.push_back(0.5 * alpha * std::log(std::max<double>(square, least)));
  const double mean = std::accumulate(logs.begin(), logs.end(), 0.0) / logs.size();
  std::vector<float> scales;
  for (const double log : logs) scales.push_back(static_cast<float>(std::exp(log - mean)));
  return scales;
}

}  // namespace nibble
