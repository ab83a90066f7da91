// For tests of families: a test checkpoint as its family reads it, and the way of its spec through a GGUF's keys.
#ifndef NIBBLE_CONVERTERS_READ_CHECKPOINT_H_
#define NIBBLE_CONVERTERS_READ_CHECKPOINT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "converters/family.h"
#include "converters/test_checkpoint.h"
#include "formats/gguf/gguf.h"
#include "formats/tensor_source.h"
#include "model/model_spec.pb.h"

namespace nibble {

struct CheckpointRead {
  const Family* family = nullptr;
  ModelSpec spec;
  TensorSource source;
  TensorMap map;

  // GGUF names, each once.
  std::vector<std::string> Names() const;
  // Of all slices, behind one another. REQUIRES: there is such a tensor.
  std::vector<float> Values(absl::string_view gguf_name) const;
};

absl::StatusOr<ModelSpec> SpecOfConfig(const std::string& config);
absl::StatusOr<CheckpointRead> ReadCheckpoint(const TestCheckpoint& checkpoint);

// The keys that the spec is written as; then `change`; then the spec that they are read as, beside tensors of the names
// and shapes that would be written.
absl::StatusOr<ModelSpec> ThroughGguf(const CheckpointRead& read,
                                      const std::function<void(gguf::Metadata&)>& change = nullptr);
gguf::Metadata KeysOf(const CheckpointRead& read);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_READ_CHECKPOINT_H_
