// A file or folder as its container has it, whatever model it holds: tensors by name, and the manifest if there is one.
#ifndef NIBBLE_PIPELINE_CHECK_STORED_OUTPUT_H_
#define NIBBLE_PIPELINE_CHECK_STORED_OUTPUT_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "formats/gguf/gguf.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"

namespace nibble {

struct StoredOutput {
  bool is_folder = false;
  TensorSource tensors;
  gguf::Metadata metadata = gguf::Metadata();  // of a GGUF
  std::string manifest_place;                  // for errors
  std::optional<std::string> manifest_text;    // as it is there, spaces behind it left out
};

// `path`: a folder of safetensors, or a .gguf (first part of a split). Errors as their readers have them.
absl::StatusOr<StoredOutput> OpenStored(io::FileSystem& files, const std::string& path);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CHECK_STORED_OUTPUT_H_
