#include "pipeline/calibration/state_weights.h"

#include <cmath>
#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"

namespace nibble {
namespace {

constexpr double kSmallState = 1e-6;

}  // namespace

void StateWeights::Scale(Device& device, Matrix x) const {
  if (!factors.empty()) device.operations().scale_rows(device, factors.data(), factors.size(), x);
}

absl::StatusOr<StateWeights> ReadStateWeights(Device& device, const Sequences* original, const Sequences& quantized,
                                              int64_t first, int64_t tokens) {
  const int64_t width = quantized.width();
  NIBBLE_ASSIGN_OR_RETURN(std::vector<float> states,
                          (original == nullptr ? quantized : *original).States(first, tokens));
  std::vector<float> factors(tokens);
  for (int64_t t = 0; t < tokens; ++t) {
    double sum = 0;
    for (const float h : absl::MakeSpan(states).subspan(t * width, width)) sum += double{h} * h;
    factors[t] = static_cast<float>(1 / std::sqrt(sum / width + kSmallState));
  }
  StateWeights weights;
  NIBBLE_ASSIGN_OR_RETURN(weights.factors, device.Allocate(factors.size()));
  device.Upload(factors, weights.factors.data());
  if (original == nullptr) return weights;
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> others, quantized.States(first, tokens));
  for (size_t i = 0; i < states.size(); ++i) states[i] -= others[i];
  NIBBLE_ASSIGN_OR_RETURN(weights.drift, device.Allocate(states.size()));
  device.Upload(states, weights.drift.data());
  weights.Scale(device, weights.drift.matrix(tokens, width));
  return weights;
}

}  // namespace nibble
