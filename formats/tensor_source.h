// What every container becomes once its headers are read and checked: named tensors, readable by byte range.
#ifndef NIBBLE_FORMATS_TENSOR_SOURCE_H_
#define NIBBLE_FORMATS_TENSOR_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/dtype.h"
#include "formats/io/file.h"

namespace nibble {

struct StoredTensor {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // outermost first, as in safetensors (GGUF's ne reversed); may be empty or have zeros
  uint32_t file = 0;           // index of its file in the TensorSource
  uint64_t offset = 0;         // of its first byte in that file
  uint64_t bytes = 0;          // compared with shape, dtype and the file's length when the header was read

  int64_t elements() const;
};

// "[2, 3]"
std::string ShapeText(absl::Span<const int64_t> shape);

// Immutable after it was made; thread-safe. Copies share the files.
class TensorSource {
 public:
  // kDataLoss on two tensors of one name.
  static absl::StatusOr<TensorSource> Create(std::vector<std::unique_ptr<io::ReadableFile>> files,
                                             std::vector<StoredTensor> tensors);

  absl::Span<const StoredTensor> tensors() const { return contents_->tensors; }
  const StoredTensor* Find(absl::string_view name) const;  // null if there is none

  // Reads out.size() bytes from byte `offset` of the tensor on. REQUIRES: the range lies inside the tensor.
  absl::Status Read(const StoredTensor& tensor, uint64_t offset, absl::Span<std::byte> out) const;

  // "<path>: tensor '<name>'", for errors.
  std::string Place(const StoredTensor& tensor) const;
  absl::Span<const std::unique_ptr<io::ReadableFile>> files() const { return contents_->files; }

 private:
  struct Contents {
    std::vector<std::unique_ptr<io::ReadableFile>> files;
    std::vector<StoredTensor> tensors;
    absl::flat_hash_map<absl::string_view, uint32_t> by_name;  // keys: the names in `tensors`
  };
  std::shared_ptr<const Contents> contents_ = std::make_shared<Contents>();
};

}  // namespace nibble

#endif  // NIBBLE_FORMATS_TENSOR_SOURCE_H_
