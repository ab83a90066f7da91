// One GGUF file, read and checked by itself; a split consists of several.
#ifndef NIBBLE_FORMATS_GGUF_PART_H_
#define NIBBLE_FORMATS_GGUF_PART_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/gguf/gguf.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"

namespace nibble::gguf {

struct Part {
  std::unique_ptr<io::ReadableFile> file;
  Metadata metadata;
  std::vector<StoredTensor> tensors;  // in the file's order; their names may still repeat
};

// Reads the header through a small buffer; what it declares is compared with the file's length before it is believed.
absl::StatusOr<Part> ReadPart(io::FileSystem& files, const std::string& path);

}  // namespace nibble::gguf

#endif  // NIBBLE_FORMATS_GGUF_PART_H_
