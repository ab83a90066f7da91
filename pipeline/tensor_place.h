// Where in the model a tensor of a GGUF's name stands.
#ifndef NIBBLE_PIPELINE_TENSOR_PLACE_H_
#define NIBBLE_PIPELINE_TENSOR_PLACE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace nibble {

struct TensorPlace {
  std::string role;  // what stands behind "blk.N.", without ".weight": "attn_v"; or "token_embd", "output"
  int layer = -1;    // -1: of the whole model
};

TensorPlace PlaceOf(absl::string_view name);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TENSOR_PLACE_H_
