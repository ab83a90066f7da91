// Whether a file or folder is what it should be: its structure, its values, and what its manifest says.
#ifndef NIBBLE_PIPELINE_CHECK_CHECK_H_
#define NIBBLE_PIPELINE_CHECK_CHECK_H_

#include <string>

#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "pipeline/check/check.pb.h"
#include "pipeline/progress.h"

namespace nibble {

// Problems: a header that breaks its format's rules, or a model's; a value, or a scale, that is not finite; a tensor
// whose bytes have another SHA-256 than the manifest says, or that one has and the other lacks; a manifest beside a
// GGUF that is not the one in it. Notes: no manifest, a kind of model that is not known. Reads every byte, on `threads`
// threads (0: all). An error is what keeps it from being checked at all: nothing at `path`, a disk that cannot be read.
absl::StatusOr<FileCheck> CheckFile(io::FileSystem& files, const std::string& path, int threads, Progress& progress);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CHECK_CHECK_H_
