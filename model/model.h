// An opened model: what pipeline hands to runtime and quant. Neither knows which container or family it came from.
#ifndef NIBBLE_MODEL_MODEL_H_
#define NIBBLE_MODEL_MODEL_H_

#include <optional>
#include <string>
#include <vector>

#include "formats/io/file.h"
#include "formats/tensor_source.h"
#include "formats/tokenizer/vocabulary.h"
#include "model/logical_tensor.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "model/tensor_list.h"

namespace nibble {

struct Model {
  std::string path;  // as the user named it
  ModelSpec spec;
  TensorSource source;
  TensorList tensors;  // in the order in which a GGUF is written
  std::optional<tokenizer::Vocabulary> vocabulary;
  std::vector<io::FileIdentity> inputs;  // every file that it was read from: no output may be one of them
  std::vector<std::string> warnings;

  // Null if the model has no such tensor.
  const LogicalTensor* Find(Role role, int layer = -1, int slice = -1) const;
};

}  // namespace nibble

#endif  // NIBBLE_MODEL_MODEL_H_
