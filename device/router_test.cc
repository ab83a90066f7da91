// The router of every device: the rules one by one, on logits whose answers are plain, and against a slow one.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "absl/types/span.h"
#include "device/device.h"
#include "device/device_cases.h"
#include "device/on_device.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

using Experts = std::vector<int32_t>;

struct Case {
  const char* name;
  Values logits;  // of one token
  Gating gating;
  int64_t used;
  Experts experts;
  Doubles weights;
  Values bias = {};
  int64_t groups = 0, groups_used = 0;
  bool normalize = false;
  float scale = 1;
};

const double kLog2 = std::log(2), kLog3 = std::log(3);

const Case kCases[] = {
    {"SoftmaxOverAll", Values{0, float(kLog3), 0, float(kLog3)}, Gating::kSoftmax, 2, {1, 3}, {0.375, 0.375}},
    {.name = "Normalized",
     .logits = {0, float(kLog3), -50, float(kLog2)},
     .gating = Gating::kSoftmax,
     .used = 2,
     .experts = {1, 3},
     .weights = {0.6, 0.4},
     .normalize = true},
    {"SoftmaxOfChosen", {0, float(kLog3), 7, float(kLog3) + 7}, Gating::kSoftmaxOfChosen, 2, {3, 2}, {0.75, 0.25}},
    {"Sigmoid", {-1, 0, float(kLog3)}, Gating::kSigmoid, 2, {2, 1}, {0.75, 0.5}},
    {.name = "Scaled",
     .logits = {-1, 0, float(kLog3)},
     .gating = Gating::kSigmoid,
     .used = 2,
     .experts = {2, 1},
     .weights = {1.5, 1},
     .normalize = true,
     .scale = 2.5},
    {"TiesToTheLowerIndex", {1, 2, 2, 2, 1}, Gating::kSoftmaxOfChosen, 2, {1, 2}, {0.5, 0.5}},
    // Their sigmoids are all 1 in float32.
    {"SaturatedSigmoids", {50, 60, 40}, Gating::kSigmoid, 1, {1}, {1}},
    {.name = "BiasChoosesButDoesNotWeigh",
     .logits = {0, float(kLog3), -1},
     .gating = Gating::kSigmoid,
     .used = 2,
     .experts = {0, 1},
     .weights = {0.5, 0.75},
     .bias = {1, 0, 0}},
    // 0.75 + 0.75 against 0.9 + 0: the group of the single best expert loses.
    {.name = "GroupsByTheirTwoBest",
     .logits = {float(kLog3), float(kLog3), 0, float(2 * kLog3), -100, -100},
     .gating = Gating::kSigmoid,
     .used = 2,
     .experts = {0, 1},
     .weights = {0.75, 0.75},
     .groups = 2,
     .groups_used = 1},
    // Masked groups never win, however low the scores of the others are.
    {.name = "MaskedGroups",
     .logits = {0, 0, 0, 0},
     .gating = Gating::kSigmoid,
     .used = 2,
     .experts = {2, 3},
     .weights = {0.5, 0.5},
     .bias = {-9, -9, -8, -8},
     .groups = 2,
     .groups_used = 1},
    {.name = "GroupsOfOne",
     .logits = {1, 0, 2},
     .gating = Gating::kSoftmaxOfChosen,
     .used = 1,
     .experts = {2},
     .weights = {1},
     .groups = 3,
     .groups_used = 2},
    {.name = "NothingToDivideBy",
     .logits = {-1000, -1000},
     .gating = Gating::kSigmoid,
     .used = 1,
     .experts = {0},
     .weights = {0},
     .normalize = true},
};

RouterArguments Arguments(const Case& c, ConstMatrix logits) {
  return {.logits = logits,
          .used = c.used,
          .gating = c.gating,
          .groups = c.groups,
          .groups_used = c.groups_used,
          .normalize = c.normalize,
          .scale = c.scale};
}

TEST_P(OnDevice, RoutesAsTheRulesSay) {
  const auto device = Make(1);
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const Buffer logits = Put(*device, c.logits), bias = Put(*device, c.bias);
    RouterArguments arguments = Arguments(c, logits.matrix(1, c.logits.size()));
    if (!c.bias.empty()) arguments.selection_bias = bias.data();
    Experts experts(c.used);
    Values weights(c.used);
    device->operations().route(*device, arguments, absl::MakeSpan(experts), absl::MakeSpan(weights));
    EXPECT_EQ(experts, c.experts);
    for (int64_t i = 0; i < c.used; ++i) EXPECT_NEAR(weights[i], c.weights[i], 1e-6) << i;
  }
}

TEST_P(OnDevice, RoutesManyTokensOnAnyNumberOfThreads) {
  const int64_t tokens = 300, count = 32, used = 5;
  const Values logits = RandomValues(tokens * count, 1);
  std::vector<Experts> chosen;
  std::vector<Values> weights;
  for (int threads : {1, 2, 3}) {
    const auto device = Make(threads);
    const Buffer buffer = Put(*device, logits);
    Experts& experts = chosen.emplace_back(tokens * used);
    device->operations().route(*device, {.logits = buffer.matrix(tokens, count), .used = used}, absl::MakeSpan(experts),
                               absl::MakeSpan(weights.emplace_back(tokens * used)));
    EXPECT_EQ(experts, chosen[0]);
    EXPECT_EQ(weights.back(), weights[0]);
  }
  for (int64_t token = 0; token < tokens; ++token) {
    const float* row = &logits[token * count];
    Experts order(count);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return row[a] > row[b]; });
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) sum += std::exp(row[i]);
    for (int64_t i = 0; i < used; ++i) {
      ASSERT_EQ(chosen[0][token * used + i], order[i]) << token;
      ASSERT_NEAR(weights[0][token * used + i], std::exp(row[order[i]]) / sum, 1e-6) << token;
    }
  }
}

// What is not a number must not end the program, nor choose an expert twice.
TEST_P(OnDevice, RoutesNaN) {
  const auto device = Make(1);
  const Buffer logits = Put(*device, Values(4, NAN));
  Experts experts(3);
  Values weights(3);
  device->operations().route(*device, {.logits = logits.matrix(1, 4), .used = 3}, absl::MakeSpan(experts),
                             absl::MakeSpan(weights));
  std::sort(experts.begin(), experts.end());
  EXPECT_EQ(std::adjacent_find(experts.begin(), experts.end()), experts.end());
  for (int32_t expert : experts) EXPECT_TRUE(expert >= 0 && expert < 4);
}

INSTANTIATE_TEST_SUITE_P(Devices, OnDevice, testing::ValuesIn(kDevices),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace nibble
