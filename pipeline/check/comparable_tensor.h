// A tensor to compare with another, as a container stores it or as a model has it.
#ifndef NIBBLE_PIPELINE_CHECK_COMPARABLE_TENSOR_H_
#define NIBBLE_PIPELINE_CHECK_COMPARABLE_TENSOR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/tensor_source.h"
#include "model/model.h"
#include "model/tensor_list.h"

namespace nibble {

struct ComparableTensor {
  std::string name;
  std::string type;
  std::vector<int64_t> shape;
  const TensorSource* source = nullptr;
  const StoredTensor* stored = nullptr;  // null: what the model makes of others, `slices`
  TensorStack slices;
};

std::vector<ComparableTensor> StoredTensors(const TensorSource& source);
// By their GGUF names. `model` outlives them.
std::vector<ComparableTensor> ModelTensors(const Model& model);

// "Q4_K [2048, 512]"
std::string Described(const ComparableTensor& tensor);

// REQUIRES: tensors of one shape.
struct Comparison {
  bool same = true;                      // bytes, of two stored tensors of one type; else values
  std::optional<double> relative_error;  // ||b - a|| / ||a||; none where one is not made of floats
};
absl::StatusOr<Comparison> Compare(const ComparableTensor& a, const ComparableTensor& b);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CHECK_COMPARABLE_TENSOR_H_
