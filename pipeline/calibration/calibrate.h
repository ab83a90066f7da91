// An importance matrix of a model: what its linears' inputs are like on a text.
#ifndef NIBBLE_PIPELINE_CALIBRATION_CALIBRATE_H_
#define NIBBLE_PIPELINE_CALIBRATION_CALIBRATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/imatrix/imatrix.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/calibration/checkpoints.h"
#include "pipeline/calibration_options.h"
#include "pipeline/comm/comm.h"
#include "pipeline/output/output_options.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"
#include "pipeline/work_space.h"

namespace nibble {

struct CalibrateOptions {
  CalibrationTexts texts = {.chunks = 0};
  int threads = 0;                               // 0: all
  WorkSpace work;                                // its memory: of weights and states
  const CheckpointPlace* checkpoints = nullptr;  // by which a run that is stopped goes on; null: it begins again
  Comm* comm = &Comm::Alone();                   // ranks that share the windows; more than one: of the CPU alone
};

struct Calibration {
  imatrix::File matrix;               // every linear that the texts reached, in the model's order
  CalibrationReport report;           // tokens and experts
  std::vector<std::string> warnings;  // of CalibrationWindows; experts that saw no token
  std::vector<RankShare> ranks;       // of several that shared the work
};

// Sums of squares as llama-imatrix forms them: windows of `ctx` tokens, each beginning with BOS where the vocabulary
// adds one; every token counts; the output projection is left out. Errors as CalibrationWindows has them, and kDataLoss
// if the model's files are written to meanwhile. The same bits however many ranks there are. Collective over
// options.comm; what an earlier run did is known to the first rank alone, and so then the matrix.
absl::StatusOr<Calibration> Calibrate(const Model& model, const CalibrateOptions& options, Progress& progress);

// The same to a file, by the first rank, which appears whole or not at all. What is done is kept as `output.journal`
// has it, always. Errors as AtomicFile::Create has them besides, and with `output.resume` kDataLoss if what is kept is
// another job's. kInvalidArgument if ranks have different jobs.
absl::StatusOr<Calibration> CalibrateToFile(io::FileSystem& files, const Model& model, CalibrateOptions options,
                                            const OutputOptions& output, Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CALIBRATION_CALIBRATE_H_
