// In which steps a layer is calibrated: linears that see one and the same input are observed together, with what is
// before them in the layer already quantized.
#ifndef NIBBLE_PIPELINE_CALIBRATION_STAGES_H_
#define NIBBLE_PIPELINE_CALIBRATION_STAGES_H_

#include <vector>

#include "absl/types/span.h"
#include "model/role.h"

namespace nibble {

struct Stage {
  std::vector<Role> roles;
  bool writes = false;  // their outputs are added to the hidden state

  bool Has(Role role) const;
};

absl::Span<const Stage> AttentionStages();
// Of dense layers, and of the expert that all tokens share.
absl::Span<const Stage> FeedForwardStages();
// Observed expert by expert.
absl::Span<const Stage> ExpertStages();

// The one that has the role; null if none does.
const Stage* FindStage(Role role);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_STAGES_H_
