// quantize and convert, by a recipe: transforms, types to fit a size, and the job itself.
#ifndef NIBBLE_PIPELINE_RUN_RECIPE_H_
#define NIBBLE_PIPELINE_RUN_RECIPE_H_

#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/calibration_options.h"
#include "pipeline/output/output_options.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"

namespace nibble {

// Makes what `output.recipe` says of `model`, which was opened with the recipe's `pre` and `keep_mtp`, with the texts
// or the matrix of `calibration`. Errors as the job has them, and kInvalidArgument for a recipe of another job, for
// ranks that have not the same recipe, and for texts on a GPU where there are several ranks. Collective over
// output.comm.
absl::StatusOr<Plan> RunRecipe(io::FileSystem& files, const Model& model, const OutputOptions& output,
                               CalibrationOptions calibration, Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_RUN_RECIPE_H_
