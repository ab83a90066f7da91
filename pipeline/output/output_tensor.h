// A tensor of a planned output.
#ifndef NIBBLE_PIPELINE_OUTPUT_OUTPUT_TENSOR_H_
#define NIBBLE_PIPELINE_OUTPUT_OUTPUT_TENSOR_H_

#include <cstddef>
#include <string>

#include "model/tensor_list.h"
#include "quant/block/format.h"

namespace nibble {

struct OutputTensor {
  size_t place = 0;  // in its plan
  TensorStack slices;
  std::string name;  // in a GGUF
  Format format = Format::kF32;
  bool keep_bits = false;  // the stored blocks are copied
  float multiplier = 1;    // of values before they are encoded: a power of two, which the container divides by
  TensorStack published;   // of a folder: the slices as its tensors have them
  float surplus = 0;       // by how much the model's values are more than the container's
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_OUTPUT_TENSOR_H_
