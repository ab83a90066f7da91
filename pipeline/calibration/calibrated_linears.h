// Which linears of a plan a calibration text is for.
#ifndef NIBBLE_PIPELINE_CALIBRATION_CALIBRATED_LINEARS_H_
#define NIBBLE_PIPELINE_CALIBRATION_CALIBRATED_LINEARS_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "model/role.h"
#include "pipeline/calibration/made_linear.h"
#include "pipeline/calibration/stages.h"
#include "pipeline/output/output.h"
#include "pipeline/output/plan.h"

namespace nibble {

enum class LinearMethod {
  kWeighted,  // the format's search under E[x^2]
  kGptq,      // and error feedback where the format has codes to choose and held-out outputs come nearer by it
};

// Which of the plan's tensors it is for: linears of layers whose inputs are activations that can be observed, and whose
// stored bits are not kept, in formats of less than eight bits. Where there are any of those, with kGptq
// those in Q8_0 too, which have little to lose themselves, but make up for what the others lose.
std::vector<bool> CalibratedTensors(const OutputPlan& plan, LinearMethod method);

// Those tensors, by role and layer.
class CalibratedLinears {
 public:
  // `plan` outlives it.
  CalibratedLinears(const OutputPlan& plan, LinearMethod method);

  bool Has(Role role, int layer) const { return places_.contains(std::pair(role, layer)); }
  bool HasAny(const Stage& stage, int layer) const;

  // Those of the stage, still to be made; `slice` -1: not of one of several.
  std::vector<MadeLinear> Of(const Stage& stage, int layer, int slice) const;

  // Whether the output has all of the first `layers`.
  bool AreIn(Output& output, int layers) const;

 private:
  const OutputPlan& plan_;
  absl::flat_hash_map<std::pair<Role, int>, size_t> places_;  // in the plan
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_CALIBRATED_LINEARS_H_
