// Any MODEL of the command line, opened: container found, headers checked, family picked, tensors understood.
#ifndef NIBBLE_PIPELINE_SOURCE_OPEN_MODEL_H_
#define NIBBLE_PIPELINE_SOURCE_OPEN_MODEL_H_

#include <string>

#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "model/model.h"

namespace nibble {

struct OpenOptions {
  std::string pre;        // --pre
  bool keep_mtp = false;  // --keep-mtp: layers for multi-token prediction stay, as tensors that nothing runs
};

// `path`: a Hugging Face folder, or a .gguf (first part of a split).
absl::StatusOr<Model> OpenModel(io::FileSystem& files, const std::string& path, const OpenOptions& options = {});

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_SOURCE_OPEN_MODEL_H_
