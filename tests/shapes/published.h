// Published checkpoints of large models as what their headers say: config, tensor names, dtypes and shapes.
#ifndef NIBBLE_TESTS_SHAPES_PUBLISHED_H_
#define NIBBLE_TESTS_SHAPES_PUBLISHED_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "formats/safetensors/safetensors.h"

namespace nibble::tests {

struct Checkpoint {
  std::string config;  // config.json
  std::vector<safetensors::TensorInfo> tensors;
  int shards = 1;  // that it is published in
};

struct Published {
  const char* name;
  Checkpoint (*make)();
};

absl::Span<const Published> AllPublished();

}  // namespace nibble::tests

#endif  // NIBBLE_TESTS_SHAPES_PUBLISHED_H_
