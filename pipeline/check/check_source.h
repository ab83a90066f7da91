// Whether an output is what its recipe makes of its source: it is made again, and compared tensor by tensor.
#ifndef NIBBLE_PIPELINE_CHECK_CHECK_SOURCE_H_
#define NIBBLE_PIPELINE_CHECK_CHECK_SOURCE_H_

#include <string>

#include "absl/status/status.h"
#include "formats/io/file.h"
#include "pipeline/calibration_options.h"
#include "pipeline/check/check.pb.h"
#include "pipeline/progress.h"

namespace nibble {

struct SourceCheck {
  std::string source;              // a MODEL
  std::string scratch;             // a path at which the output is made again; nothing is left there
  CalibrationOptions calibration;  // the texts or the matrix that the manifest tells of; its settings do not count
  int threads = 0;                 // 0: all
};

// Where an output at `path` may be made again in `directory`.
std::string ScratchPath(const std::string& directory, const std::string& path);

// Adds to `check` of the output at `path`. Problems: a tensor with other bytes, a key or a member of the config with
// another value. Notes: that it was made again, or why it could not be: another version, an instruction set on which
// sums differ, no calibration text or another one. Errors: as the job has them.
absl::Status CheckAgainstSource(io::FileSystem& files, const std::string& path, SourceCheck options, Progress& progress,
                                FileCheck& check);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CHECK_CHECK_SOURCE_H_
