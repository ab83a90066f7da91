// The transforms' own parts: what each folds where. For transform.cc.
#ifndef NIBBLE_PIPELINE_TRANSFORM_FOLDS_H_
#define NIBBLE_PIPELINE_TRANSFORM_FOLDS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/imatrix/imatrix.h"
#include "model/role.h"
#include "pipeline/transform/model_editor.h"
#include "pipeline/transform/transform.h"

namespace nibble {

// What a fold is told, and where it says what it left out.
struct FoldJob {
  const Transform& transform;
  const imatrix::File* statistics;
  const FoldOptions& options;
  ModelEditor& editor;
  std::vector<std::string>& notes;
};

absl::Status FoldValues(const FoldJob& job);
absl::Status FoldAwq(const FoldJob& job);
absl::Status FoldHadamardStream(const FoldJob& job);

// A norm of a layer, and the linears that read what it gives.
struct NormReaders {
  Role weight;
  std::optional<Role> bias;
  bool of_stream;  // it norms the residual stream
  std::vector<Role> readers;
};
absl::Span<const NormReaders> LayerNorms();

// kInvalidArgument: "--transform NAME: expected a model EXPECTED, found FOUND (path)".
absl::Status DoesNotFold(const FoldJob& job, absl::string_view expected, absl::string_view found);

// The role's GGUF name if its bits must stay: it was published in 4 bits, and the options do not say otherwise. Empty
// if not, or if there is no such tensor.
std::string KeptInFourBits(const FoldJob& job, Role role, int layer);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TRANSFORM_FOLDS_H_
