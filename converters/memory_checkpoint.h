// A checkpoint in memory, for tests: tensors of any dtype by name, to be changed as a test likes.
#ifndef NIBBLE_CONVERTERS_MEMORY_CHECKPOINT_H_
#define NIBBLE_CONVERTERS_MEMORY_CHECKPOINT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "converters/family.h"
#include "formats/dtype.h"
#include "formats/tensor_source.h"

namespace nibble {

struct MemoryCheckpoint {
  struct Tensor {
    DType dtype;
    std::vector<int64_t> shape;
    std::vector<std::byte> bytes;
  };
  absl::btree_map<std::string, Tensor> tensors;

  void AddFloats(const std::string& name, std::vector<int64_t> shape, const std::vector<float>& values);  // F32
  // Small numbers, others for every name.
  void AddRandom(const std::string& name, std::vector<int64_t> shape);
  // Codes of one byte each, random in [low, high].
  void AddRandomBytes(const std::string& name, DType dtype, std::vector<int64_t> shape, int low = 0, int high = 255);
  void Rename(const std::string& from, const std::string& to);

  std::vector<float> Floats(const std::string& name) const;  // of an F32 tensor
  TensorSource Source() const;
};

// All values of the tensor of that GGUF name, slice behind slice.
std::vector<float> ValuesOf(const TensorSource& source, const TensorMap& map, absl::string_view gguf_name);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_MEMORY_CHECKPOINT_H_
