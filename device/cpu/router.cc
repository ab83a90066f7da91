#include <algorithm>
#include <cmath>
#include <vector>

#include "device/cpu/operations.h"
#include "device/cpu/work.h"
#include "device/device.h"

namespace nibble::cpu {
namespace {

using Values = std::vector<float>;

constexpr float kMaskedOut = -INFINITY;
// DeepSeek's: weights that are all 0 stay 0.
constexpr double kSmallestSum = 1e-20;

void Softmax(absl::Span<float> values) {
  const float max = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (float& value : values) sum += value = std::exp(value - max);
  for (float& value : values) value /= sum;
}

// The best `count` of the scores, best first; of equals the first. Whatever the scores are, even NaN, all differ.
std::vector<int32_t> Best(const Values& scores, int64_t count) {
  std::vector<int32_t> best;
  std::vector<bool> taken(scores.size());
  while (static_cast<int64_t>(best.size()) < count) {
    int32_t next = -1;
    for (size_t i = 0; i < scores.size(); ++i) {
      if (!taken[i] && (next < 0 || scores[i] > scores[next])) next = i;
    }
    taken[next] = true;
    best.push_back(next);
  }
  return best;
}

Values Gates(const RouterArguments& arguments, Values logits) {
  if (arguments.gating == Gating::kSoftmax) Softmax(absl::MakeSpan(logits));
  if (arguments.gating == Gating::kSigmoid) {
    for (float& value : logits) value = 1 / (1 + std::exp(-value));
  }
  return logits;
}

void KeepBestGroups(const RouterArguments& arguments, Values& scores) {
  const int64_t size = scores.size() / arguments.groups;
  Values groups;
  for (int64_t group = 0; group < arguments.groups; ++group) {
    const Values members(scores.begin() + group * size, scores.begin() + (group + 1) * size);
    float& sum = groups.emplace_back(0);
    for (int32_t member : Best(members, std::min<int64_t>(2, size))) sum += members[member];
  }
  std::vector<bool> kept(arguments.groups);
  for (int32_t group : Best(groups, arguments.groups_used)) kept[group] = true;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!kept[i / size]) scores[i] = kMaskedOut;
  }
}

Values Scores(const RouterArguments& arguments, const Values& logits, const Values& gates) {
  if (arguments.selection_bias == nullptr && arguments.groups == 0) return logits;
  Values scores = gates;
  for (size_t i = 0; arguments.selection_bias != nullptr && i < scores.size(); ++i) {
    scores[i] += arguments.selection_bias[i];
  }
  if (arguments.groups > 0) KeepBestGroups(arguments, scores);
  return scores;
}

void RouteToken(const RouterArguments& arguments, const Values& logits, int32_t* experts, absl::Span<float> weights) {
  const Values gates = Gates(arguments, logits);
  const std::vector<int32_t> best = Best(Scores(arguments, logits, gates), arguments.used);
  std::copy(best.begin(), best.end(), experts);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = gates[best[i]];
  if (arguments.gating == Gating::kSoftmaxOfChosen) Softmax(weights);
  double divisor = 1;
  if (arguments.normalize) {
    divisor = kSmallestSum;
    for (float weight : weights) divisor += weight;
  }
  for (float& weight : weights) weight = weight / divisor * arguments.scale;
}

}  // namespace

void Route(Device& device, const RouterArguments& arguments, absl::Span<int32_t> experts, absl::Span<float> weights) {
  const ConstMatrix& logits = arguments.logits;
#pragma omp parallel for schedule(static) num_threads(ThreadsFor(device, logits.rows* logits.cols* arguments.used))
  for (int64_t row = 0; row < logits.rows; ++row) {
    RouteToken(arguments, Values(logits.row(row), logits.row(row) + logits.cols), &experts[row * arguments.used],
               weights.subspan(row * arguments.used, arguments.used));
  }
}

}  // namespace nibble::cpu
