// GGUF, little-endian: keys with typed values, tensor infos, aligned tensor data; also split over files.
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
//
// Reads versions 2 and 3, writes version 3. The reader is as strict as llama.cpp's, and stricter where that one reads
// on past damage: text must be UTF-8, a bool 0 or 1, and the file must end where its last tensor does (padding aside).
#ifndef NIBBLE_FORMATS_GGUF_GGUF_H_
#define NIBBLE_FORMATS_GGUF_GGUF_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"

namespace nibble::gguf {

// Wire values: never renumber.
enum class ValueType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

// The element type of an array is the vector's.
using Array = std::variant<std::vector<uint8_t>, std::vector<int8_t>, std::vector<uint16_t>, std::vector<int16_t>,
                           std::vector<uint32_t>, std::vector<int32_t>, std::vector<float>, std::vector<bool>,
                           std::vector<std::string>, std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>>;
using Value = std::variant<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, float, bool, std::string, Array,
                           uint64_t, int64_t, double>;  // in ValueType's order

// Keys in the file's order. Reading functions name file and key in their errors.
class Metadata {
 public:
  explicit Metadata(std::string file = "") : file_(std::move(file)) {}

  void Set(absl::string_view key, Value value);    // appends, or replaces where the key stands
  const Value* Find(absl::string_view key) const;  // null if absent
  const std::vector<std::pair<std::string, Value>>& entries() const { return entries_; }

  // kDataLoss if the key is absent, of another kind, or out of range. Any integer type serves Uint.
  absl::StatusOr<uint64_t> Uint(absl::string_view key, uint64_t min, uint64_t max) const;
  absl::StatusOr<double> Float(absl::string_view key) const;  // float32 or float64, finite
  absl::StatusOr<bool> Bool(absl::string_view key) const;
  absl::StatusOr<std::string> String(absl::string_view key) const;
  // "<file>: key '<key>'", for errors.
  std::string Place(absl::string_view key) const;

 private:
  std::string file_;
  std::vector<std::pair<std::string, Value>> entries_;
  absl::flat_hash_map<std::string, size_t> index_;  // into entries_
};

struct File {
  Metadata metadata;     // of the first part
  TensorSource tensors;  // of all parts
};

// A file, or all parts of a split of which `path` is the first ("-00001-of-0000N.gguf"). kDataLoss on whatever breaks
// the format's rules, kUnimplemented on versions, byte orders and tensor types that are not read, kNotFound if the file
// or a part is missing; the message names the part, and the key, tensor or byte.
absl::StatusOr<File> Open(io::FileSystem& files, const std::string& path);

struct TensorInfo {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;  // outermost first: reversed on disk
};

// Where the bytes of a file to be written go, known before the first write. `header` holds everything up to the first
// tensor's byte, padding included; gaps between tensors are zero (Preallocate gives zeros).
struct Layout {
  std::string header;
  std::vector<uint64_t> offsets;  // of each tensor, from the file's beginning
  uint64_t file_bytes = 0;        // last tensor's padding included
};

// Tensors are laid out in the order given. REQUIRES: names unique and at most 63 bytes, 1 to 4 dimensions, every row
// a multiple of its type's block.
Layout MakeLayout(const Metadata& metadata, const std::vector<TensorInfo>& tensors);

}  // namespace nibble::gguf

#endif  // NIBBLE_FORMATS_GGUF_GGUF_H_
