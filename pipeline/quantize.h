// The main job: a model becomes a GGUF, or a folder of compressed-tensors, streamed tensor by tensor, panel by panel.
#ifndef NIBBLE_PIPELINE_QUANTIZE_H_
#define NIBBLE_PIPELINE_QUANTIZE_H_

#include <string>

#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/calibration_options.h"
#include "pipeline/output_options.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"
#include "pipeline/type_options.h"

namespace nibble {

// `types.method` empty: error feedback where there are texts, else the weighted search.
//
// What Quantize would write. Of the model nothing is read, and nothing is written; what calibration names is read, and
// fails and warns as it would there. kInvalidArgument: a type that is not known, a regex that matches nothing, a method
// that cannot use what calibration gives or lacks.
absl::StatusOr<Plan> PlanQuantize(io::FileSystem& files, const Model& model, const TypeOptions& types,
                                  const OutputOptions& output = {}, const CalibrationOptions& calibration = {});
absl::StatusOr<Plan> Quantize(io::FileSystem& files, const Model& model, const TypeOptions& types,
                              const OutputOptions& output, Progress& progress,
                              const CalibrationOptions& calibration = {});

// Lossless container change. `dtype`: "source", "bf16", "f16" or "f32" (design section 4, `convert`).
absl::StatusOr<Plan> Convert(io::FileSystem& files, const Model& model, const std::string& dtype,
                             const OutputOptions& output, Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_QUANTIZE_H_
