// A model that was read from a GGUF, as the Hugging Face folder that its family publishes: tensors under their
// published names and in the published shapes, and the files beside them.
#ifndef NIBBLE_PIPELINE_SOURCE_PUBLICATION_H_
#define NIBBLE_PIPELINE_SOURCE_PUBLICATION_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/json/object.h"
#include "model/model.h"

namespace nibble {

struct Publication {
  // The model's tensors in their order, but as views of published ones, of which there are names and shapes alone: no
  // row of them can be read.
  Model model;
  json::Object config;                                          // config.json, but for the dtype
  std::vector<std::pair<std::string, std::string>> companions;  // the tokenizer's files: names and texts
};

// kUnimplemented: what a config or a tokenizer's files cannot say. REQUIRES: `model` was read from a GGUF.
absl::StatusOr<std::shared_ptr<const Publication>> Publish(const Model& model);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_SOURCE_PUBLICATION_H_
