// In what two models, as files or folders, differ: tensor by tensor and key by key.
#ifndef NIBBLE_PIPELINE_CHECK_DIFF_H_
#define NIBBLE_PIPELINE_CHECK_DIFF_H_

#include <string>

#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "pipeline/check/check.pb.h"
#include "pipeline/progress.h"

namespace nibble {

// Two GGUFs, or two folders with tensors of the same names, are compared as they are stored: bytes, and the keys, or
// config and other files. Other pairs are compared as models: values, and the keys that a GGUF of either would have.
// Floats of tensors that differ are read on `threads` threads (0: all). Errors as opening has them.
absl::StatusOr<DiffReport> Diff(io::FileSystem& files, const std::string& a, const std::string& b, int threads,
                                Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CHECK_DIFF_H_
