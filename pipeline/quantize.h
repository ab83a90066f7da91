// The main job: a model becomes a GGUF, or a folder of compressed-tensors, streamed tensor by tensor, panel by panel.
#ifndef NIBBLE_PIPELINE_QUANTIZE_H_
#define NIBBLE_PIPELINE_QUANTIZE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/calibration_options.h"
#include "pipeline/comm/comm.h"
#include "pipeline/output/output_options.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"
#include "pipeline/types/type_options.h"

namespace nibble {

// `types.method` empty: error feedback where there are texts, else the weighted search.
//
// What Quantize would write. Of the model nothing is read, but for a few rows with `types.fit`, and nothing is written;
// what calibration names is read, and fails and warns as it would there. kInvalidArgument: a type that is not known, a
// regex that matches nothing, a method that cannot use what calibration gives or lacks.
absl::StatusOr<Plan> PlanQuantize(io::FileSystem& files, const Model& model, const TypeOptions& types,
                                  const OutputOptions& output = {}, const CalibrationOptions& calibration = {});
absl::StatusOr<Plan> Quantize(io::FileSystem& files, const Model& model, const TypeOptions& types,
                              const OutputOptions& output, Progress& progress,
                              const CalibrationOptions& calibration = {});

// The same in steps, for those who look at what came of it before it is there.
class QuantizeJob {
 public:
  // `model` outlives it.
  static absl::StatusOr<std::unique_ptr<QuantizeJob>> Create(io::FileSystem& files, const Model& model,
                                                             const TypeOptions& types, const OutputOptions& output,
                                                             const CalibrationOptions& calibration, Progress& progress);
  ~QuantizeJob();

  // All but the last step; without Commit() nothing stays behind, but for what Output::Ended() keeps. REQUIRES: called
  // once.
  absl::Status Write(Progress& progress);
  // REQUIRES: called once, after Write().
  absl::Status Commit();

  const Plan& report() const;

 private:
  struct Parts;
  explicit QuantizeJob(std::unique_ptr<Parts> parts);
  absl::Status WriteAll(Progress& progress);

  std::unique_ptr<Parts> parts_;
};

// What calibration would say of the first `layers` layers (0: all) with those behind them left as they are. Nothing is
// written. Collective over `comm`. REQUIRES: calibration has texts.
absl::StatusOr<CalibrationReport> JudgeQuantized(io::FileSystem& files, const Model& model, const TypeOptions& types,
                                                 int layers, int threads, const CalibrationOptions& calibration,
                                                 Comm& comm, Progress& progress);

// Lossless container change. `dtype`: "source", "bf16", "f16" or "f32" (design section 4, `convert`).
absl::StatusOr<Plan> Convert(io::FileSystem& files, const Model& model, const std::string& dtype,
                             const OutputOptions& output, Progress& progress);
// The same to a folder (folder_types.h): gpt-oss's own layout where it has experts in MXFP4, else compressed-tensors'.
absl::StatusOr<Plan> ConvertToFolder(io::FileSystem& files, const Model& model, const std::string& dtype,
                                     const OutputOptions& output, Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_QUANTIZE_H_
