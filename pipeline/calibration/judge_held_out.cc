#include "pipeline/calibration/judge_held_out.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/comm/gather_values.h"
#include "runtime/predictions.h"

namespace nibble {

absl::StatusOr<Estimate> JudgeHeldOut(Device& device, Comm& comm, const Windows& windows,
                                      const std::vector<ScoredRun>& runs) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<Predictions> predictions, PredictScored(device, windows, runs));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<double> divergence, GatherValues(comm, predictions[1].divergence));
  const Estimate kld = Mean(divergence);
  if (!std::isfinite(kld.value)) {
    return BadData(runs[1].model->path, "a finite KL divergence on the calibration text", absl::StrCat(kld.value));
  }
  return kld;
}

}  // namespace nibble
