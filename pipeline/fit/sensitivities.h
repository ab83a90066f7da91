// How much each tensor matters, measured on a text: for the choice of its type.
#ifndef NIBBLE_PIPELINE_FIT_SENSITIVITIES_H_
#define NIBBLE_PIPELINE_FIT_SENSITIVITIES_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/model.h"
#include "pipeline/calibration_options.h"
#include "pipeline/progress.h"
#include "pipeline/types/type_options.h"

namespace nibble {

// The KL divergence, in nats, that losing a share of a tensor's squares costs, over that share, by GGUF name: of the
// linears of the layers and the token embedding measured, of the others the prior's, scaled as the measured ones are to
// theirs (docs/methods.md says how). Takes as long as running the first four windows of the text half as many times as
// there are layers, and ten times more. Errors as CalibrationWindows and Sequences have them. REQUIRES:
// calibration has texts.
absl::StatusOr<std::map<std::string, double>> MeasureSensitivities(const Model& model,
                                                                   const CalibrationOptions& calibration, int threads,
                                                                   Progress& progress);

// The same for who has a budget and texts; for others nothing. kInvalidArgument: as CheckFit, at once.
absl::Status MeasureForFit(const Model& model, const CalibrationOptions& calibration, int threads, Progress& progress,
                           TypeOptions& types);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_FIT_SENSITIVITIES_H_
