// The router, one token at a time (contract: RouterArguments, device/operations.h).
#ifndef NIBBLE_DEVICE_MATHS_ROUTE_TOKEN_H_
#define NIBBLE_DEVICE_MATHS_ROUTE_TOKEN_H_

#include <math.h>

#include <cstdint>

#include "device/operations.h"
#include "quant/block/host_device.h"

namespace nibble {

// What a token's router works in. Nothing is taken before and after.
struct RouterScratch {
  float* gates;          // [experts]
  float* scores;         // [experts]
  float* group_scores;   // [groups]
  uint8_t* taken;        // [experts], of 0
  uint8_t* group_taken;  // [groups], of 0
};

// Takes the best that is not taken yet; of equals the first. Whatever the scores are, even NaN, one is found.
NIBBLE_HOST_DEVICE inline int64_t TakeBest(const float* scores, int64_t count, uint8_t* taken) {
  int64_t best = -1;
  for (int64_t i = 0; i < count; ++i) {
    if (!taken[i] && (best < 0 || scores[i] > scores[best])) best = i;
  }
  taken[best] = 1;
  return best;
}

NIBBLE_HOST_DEVICE inline void SoftmaxInPlace(float* values, int64_t count) {
  float max = values[0];
  for (int64_t i = 1; i < count; ++i) max = max < values[i] ? values[i] : max;
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += values[i] = expf(values[i] - max);
  for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(values[i] / sum);
}

// Scores outside the best groups become -infinity.
NIBBLE_HOST_DEVICE inline void KeepBestGroups(const RouterArguments& arguments, const RouterScratch& scratch) {
  const int64_t groups = arguments.groups, size = arguments.logits.cols / groups;
  for (int64_t group = 0; group < groups; ++group) {
    const float* members = scratch.scores + group * size;
    uint8_t* taken = scratch.taken + group * size;
    float sum = 0;
    for (int64_t i = 0; i < 2 && i < size; ++i) sum += members[TakeBest(members, size, taken)];
    for (int64_t i = 0; i < size; ++i) taken[i] = 0;
    scratch.group_scores[group] = sum;
  }
  for (int64_t i = 0; i < arguments.groups_used; ++i) TakeBest(scratch.group_scores, groups, scratch.group_taken);
  for (int64_t i = 0; i < arguments.logits.cols; ++i) {
    if (!scratch.group_taken[i / size]) scratch.scores[i] = -INFINITY;
  }
  for (int64_t group = 0; group < groups; ++group) scratch.group_taken[group] = 0;
}

NIBBLE_HOST_DEVICE inline void RouteToken(const RouterArguments& arguments, const float* logits,
                                          const RouterScratch& scratch, int32_t* experts, float* weights) {
  constexpr double kSmallestSum = 1e-20;  // DeepSeek's: weights that are all 0 stay 0
  const int64_t count = arguments.logits.cols, used = arguments.used;
  float* const gates = scratch.gates;
  for (int64_t i = 0; i < count; ++i) {
    gates[i] = arguments.gating == Gating::kSigmoid ? 1 / (1 + expf(-logits[i])) : logits[i];
  }
  if (arguments.gating == Gating::kSoftmax) SoftmaxInPlace(gates, count);
  const bool by_logit = arguments.selection_bias == nullptr && arguments.groups == 0;
  for (int64_t i = 0; i < count; ++i) {
    const float bias = arguments.selection_bias == nullptr ? 0.0f : arguments.selection_bias[i];
    scratch.scores[i] = by_logit ? logits[i] : gates[i] + bias;
  }
  if (arguments.groups > 0) KeepBestGroups(arguments, scratch);
  for (int64_t i = 0; i < used; ++i) {
    experts[i] = static_cast<int32_t>(TakeBest(scratch.scores, count, scratch.taken));
    weights[i] = gates[experts[i]];
  }
  for (int64_t i = 0; i < used; ++i) scratch.taken[experts[i]] = 0;
  if (arguments.gating == Gating::kSoftmaxOfChosen) SoftmaxInPlace(weights, used);
  double divisor = arguments.normalize ? kSmallestSum : 1;
  for (int64_t i = 0; arguments.normalize && i < used; ++i) divisor += weights[i];
  for (int64_t i = 0; i < used; ++i) weights[i] = static_cast<float>(weights[i] / divisor * arguments.scale);
}

}  // namespace nibble

#endif  // NIBBLE_DEVICE_MATHS_ROUTE_TOKEN_H_
