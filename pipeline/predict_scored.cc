#include "pipeline/predict_scored.h"

#include <utility>

namespace nibble {

absl::StatusOr<std::vector<Predictions>> PredictScored(Device& device, const Windows& windows,
                                                       std::vector<ScoredRun> runs) {
  std::vector<uint32_t> targets;
  for (int64_t window = 0; window < windows.count(); ++window) {
    const auto begin = windows.ids.begin() + window * windows.length + windows.first_scored() + 1;
    targets.insert(targets.end(), begin, begin + windows.scored());
  }
  std::vector<PredictionInput> inputs;
  for (ScoredRun& run : runs) {
    const Sequences done = std::move(run.sequences);  // its states end here
    const int64_t width = run.model->spec.hidden_size();
    PredictionInput& input = inputs.emplace_back(PredictionInput{.model = run.model, .hidden = {}});
    for (int64_t window = 0; window < windows.count(); ++window) {
      const auto begin = done.states().begin() + (window * windows.length + windows.first_scored()) * width;
      input.hidden.insert(input.hidden.end(), begin, begin + windows.scored() * width);
    }
  }
  return Predict(device, std::move(inputs), targets);
}

}  // namespace nibble
