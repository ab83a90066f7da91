#include "pipeline/verify/predict_scored.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "device/in_stage.h"

namespace nibble {
namespace {

// Each time the output matrix is read: enough for that not to count.
constexpr int64_t kScoredAtATime = 8192;

// Of windows [first, last).
absl::StatusOr<std::vector<Predictions>> PredictWindows(Device& device, const Windows& windows, int64_t first,
                                                        int64_t last, const std::vector<ScoredRun>& runs) {
  std::vector<uint32_t> targets;
  std::vector<PredictionInput> inputs;
  for (const ScoredRun& run : runs) inputs.push_back({.model = run.model, .hidden = {}});
  for (int64_t window = first; window < last; ++window) {
    const int64_t token = window * windows.length + windows.first_scored();
    const auto begin = windows.ids.begin() + token + 1;
    targets.insert(targets.end(), begin, begin + windows.scored());
    for (size_t i = 0; i < runs.size(); ++i) {
      NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> states, runs[i].sequences.States(token, windows.scored()));
      inputs[i].hidden.insert(inputs[i].hidden.end(), states.begin(), states.end());
    }
  }
  return Predict(device, std::move(inputs), targets);
}

}  // namespace

absl::StatusOr<std::vector<Predictions>> PredictScored(Device& device, const Windows& windows,
                                                       const std::vector<ScoredRun>& runs) {
  const InStage stage(device, "predict");
  const int64_t step = std::max<int64_t>(1, kScoredAtATime / windows.scored());
  std::vector<Predictions> all(runs.size());
  for (int64_t first = 0; first < windows.count(); first += step) {
    const int64_t last = std::min(first + step, windows.count());
    NIBBLE_ASSIGN_OR_RETURN(std::vector<Predictions> some, PredictWindows(device, windows, first, last, runs));
    for (size_t i = 0; i < runs.size(); ++i) Append(some[i], all[i]);
  }
  return all;
}

int64_t ScoredFloats(const Model& model, const Windows& windows) {
  const int64_t positions = std::min(windows.count() * windows.scored(), std::max(kScoredAtATime, windows.scored()));
  // As they were read, and normed, on the host and on the device; a window more is on its way.
  return 3 * (positions + windows.length) * model.spec.hidden_size() + 2 * PredictionFloats(model);
}

}  // namespace nibble
