// Transforms one after the other, with the runs of a text that they need.
#ifndef NIBBLE_PIPELINE_TRANSFORM_APPLY_TRANSFORMS_H_
#define NIBBLE_PIPELINE_TRANSFORM_APPLY_TRANSFORMS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/model.h"
#include "pipeline/calibration_options.h"
#include "pipeline/comm/comm.h"
#include "pipeline/progress.h"
#include "pipeline/transform/transform.h"

namespace nibble {

struct ApplyOptions {
  FoldOptions fold;
  bool for_plan = false;        // which tensors there will be, not their values: nothing is run
  int threads = 0;              // 0: all
  Comm* comm = &Comm::Alone();  // ranks that share the runs
};

// Each is folded into what the ones before it made, and its statistics are of that. What was left out goes to the
// progress as warnings. kInvalidArgument: as FoldTransform; an importance matrix, which is of inputs that every
// transform changes; no texts where a transform needs them. Collective over options.comm. REQUIRES: at least one.
absl::StatusOr<Model> ApplyTransforms(const Model& model, absl::Span<const Transform> transforms,
                                      const ApplyOptions& options, const CalibrationOptions& calibration,
                                      Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TRANSFORM_APPLY_TRANSFORMS_H_
