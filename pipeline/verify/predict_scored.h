// What models predict at the scored positions of windows that they have run.
#ifndef NIBBLE_PIPELINE_VERIFY_PREDICT_SCORED_H_
#define NIBBLE_PIPELINE_VERIFY_PREDICT_SCORED_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "model/model.h"
#include "pipeline/verify/verify_windows.h"
#include "runtime/predictions.h"
#include "runtime/sequences.h"

namespace nibble {

struct ScoredRun {
  const Model* model;
  Sequences sequences;  // behind the last layer
};

// By run, in the order of the windows; divergences are from the first run. REQUIRES: every run is of these windows.
absl::StatusOr<std::vector<Predictions>> PredictScored(Device& device, const Windows& windows,
                                                       const std::vector<ScoredRun>& runs);

// Floats that it needs for one run.
int64_t ScoredFloats(const Model& model, const Windows& windows);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_VERIFY_PREDICT_SCORED_H_
