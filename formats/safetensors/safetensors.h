// Safetensors: u64 header length, a JSON header {name: {dtype, shape, data_offsets}}, then the tensors' bytes.
// The rules of the format that are checked stand in header.h.
#ifndef NIBBLE_FORMATS_SAFETENSORS_SAFETENSORS_H_
#define NIBBLE_FORMATS_SAFETENSORS_SAFETENSORS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "formats/safetensors/header.h"
#include "formats/tensor_source.h"

namespace nibble::safetensors {

struct Checkpoint {
  TensorSource tensors;
  Metadata metadata;                  // __metadata__ of a single file; of the first shard for a folder
  std::vector<std::string> warnings;  // what is odd, but harmless
};

// One file. kDataLoss on whatever breaks the format's rules, with the byte offset or the JSON path.
absl::StatusOr<Checkpoint> OpenFile(io::FileSystem& files, const std::string& path);

// A folder: <stem>.safetensors.index.json decides where there is one, else <stem>.safetensors alone, where stem is
// "model", or "consolidated"; else every *.safetensors of the folder (as gpt-oss/original has them). kNotFound if there
// is none; a folder that holds a model of another kind (foreign_files.h) is refused by name.
absl::StatusOr<Checkpoint> OpenFolder(io::FileSystem& files, const std::string& directory);

struct TensorInfo {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
};

// Where the bytes of a file to be written go, known before the first write.
struct Layout {
  std::string header;             // length, JSON and padding: the file's first bytes
  std::vector<uint64_t> offsets;  // of each tensor, from the file's beginning
  uint64_t file_bytes = 0;
};

// Tensors are laid out in the order given; the header is padded with spaces to 8 bytes.
Layout MakeLayout(const std::vector<TensorInfo>& tensors, const Metadata& metadata);

// A small file in one go (golden inputs, logits). `data` has one entry per tensor. Atomic; replaces with `force`.
absl::Status WriteFile(io::FileSystem& files, const std::string& path, const std::vector<TensorInfo>& tensors,
                       const std::vector<absl::Span<const std::byte>>& data, const Metadata& metadata, bool force);

}  // namespace nibble::safetensors

#endif  // NIBBLE_FORMATS_SAFETENSORS_SAFETENSORS_H_
