// `--transform auto`: the transform with which predictions come nearest to the original's, or none.
#ifndef NIBBLE_PIPELINE_TRANSFORM_BEST_TRANSFORM_H_
#define NIBBLE_PIPELINE_TRANSFORM_BEST_TRANSFORM_H_

#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/calibration_options.h"
#include "pipeline/output/output_options.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"
#include "pipeline/types/type_options.h"

namespace nibble {

// Quantize, of a model with the best of its transforms folded in. Judged by KL divergence on held-out windows of the
// calibration text: the transforms that fold, and none, are tried on the first layers alone, with a few windows; the
// best of these is then confirmed once against none, whole and with all windows, and must be better by 2 %. Takes twice
// the time of Quantize and a little more, or three times where it was not confirmed. The report's `transform` says
// which it was, its calibration's `trials` what each came to. kInvalidArgument: no texts.
absl::StatusOr<Plan> QuantizeWithBestTransform(io::FileSystem& files, const Model& model, const TypeOptions& types,
                                               const OutputOptions& output, const CalibrationOptions& calibration,
                                               Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TRANSFORM_BEST_TRANSFORM_H_
