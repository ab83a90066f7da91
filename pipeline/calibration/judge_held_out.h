// How far predictions on held-out windows are from the original's.
#ifndef NIBBLE_PIPELINE_CALIBRATION_JUDGE_HELD_OUT_H_
#define NIBBLE_PIPELINE_CALIBRATION_JUDGE_HELD_OUT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "device/device.h"
#include "pipeline/comm/comm.h"
#include "pipeline/verify/predict_scored.h"
#include "pipeline/verify/verify_windows.h"
#include "runtime/statistics.h"

namespace nibble {

// The mean KL divergence of runs[1] to runs[0], which are behind all layers with this rank's part of the held-out
// windows (perhaps none of them), over all ranks' in their order. kDataLoss if it is not finite. Collective.
absl::StatusOr<Estimate> JudgeHeldOut(Device& device, Comm& comm, const Windows& windows,
                                      const std::vector<ScoredRun>& runs);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_JUDGE_HELD_OUT_H_
