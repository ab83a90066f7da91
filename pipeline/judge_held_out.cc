#include "pipeline/judge_held_out.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "pipeline/packed_values.h"
#include "runtime/predictions.h"

namespace nibble {

absl::StatusOr<Estimate> JudgeHeldOut(Device& device, Comm& comm, const Windows& windows,
                                      const std::vector<ScoredRun>& runs) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<Predictions> predictions, PredictScored(device, windows, runs));
  Packer packer;
  packer.Add(predictions[1].divergence);
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> all, comm.AllGather(packer.Take()));
  std::vector<double> divergence;
  for (const std::string& packed : all) {
    const std::vector<double> its = Unpacker(packed).Take<double>();
    divergence.insert(divergence.end(), its.begin(), its.end());
  }
  const Estimate kld = Mean(divergence);
  if (!std::isfinite(kld.value)) {
    return BadData(runs[1].model->path, "a finite KL divergence on the calibration text", absl::StrCat(kld.value));
  }
  return kld;
}

}  // namespace nibble
