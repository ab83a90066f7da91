// Model files of kinds that are not read, recognised so that they are refused by name.
#ifndef NIBBLE_FORMATS_FOREIGN_FILES_H_
#define NIBBLE_FORMATS_FOREIGN_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "formats/io/file.h"

namespace nibble {

// kUnimplemented says what the file is and what to do instead: a GGML file from before GGUF, a pickle, HDF5, ... by its
// first bytes, else by its name. OK if neither tells.
absl::Status RefuseForeignFile(io::FileSystem& files, const std::string& path);

// The same for the first such file of a folder that has no .safetensors; OK if it has some, or nothing that is known.
absl::Status RefuseForeignFolder(io::FileSystem& files, const std::string& folder);

}  // namespace nibble

#endif  // NIBBLE_FORMATS_FOREIGN_FILES_H_
