// An importance matrix of a model: what its linears' inputs are like on a text.
#ifndef NIBBLE_PIPELINE_CALIBRATE_H_
#define NIBBLE_PIPELINE_CALIBRATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/imatrix/imatrix.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/calibration_options.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"
#include "pipeline/work_space.h"

namespace nibble {

struct CalibrateOptions {
  CalibrationTexts texts = {.chunks = 0};
  int threads = 0;  // 0: all
  WorkSpace work;   // its memory: of weights and states
};

struct Calibration {
  imatrix::File matrix;               // every linear that the texts reached, in the model's order
  CalibrationReport report;           // tokens and experts
  std::vector<std::string> warnings;  // of CalibrationWindows; experts that saw no token
};

// Sums of squares as llama-imatrix forms them: windows of `ctx` tokens, each beginning with BOS where the vocabulary
// adds one; every token counts; the output projection is left out. Errors as CalibrationWindows has them, and kDataLoss
// if the model's files are written to meanwhile.
absl::StatusOr<Calibration> Calibrate(const Model& model, const CalibrateOptions& options, Progress& progress);

// Writes it whole or not at all. kAlreadyExists and the like as AtomicFile::Create has them.
absl::Status SaveImatrix(io::FileSystem& files, const Model& model, const imatrix::File& matrix,
                         const std::string& path, bool force);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATE_H_
