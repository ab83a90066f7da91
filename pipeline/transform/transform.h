// Transforms of a model that its outputs do not show: maps folded into weights, which cancel between one tensor and
// the next, and leave weights that lose less when they are rounded. The transformed model is a plain one, and what is
// made of it a plain file.
//
//   values    each head's values are rotated, and what reads them rotated back
//   awq       channels that carry large inputs are divided where they come from, and multiplied where they are read
//   hadamard  the residual stream is rotated in blocks, with the norms' gains moved into what reads them
#ifndef NIBBLE_PIPELINE_TRANSFORM_TRANSFORM_H_
#define NIBBLE_PIPELINE_TRANSFORM_TRANSFORM_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/imatrix/imatrix.h"
#include "model/model.h"

namespace nibble {

struct Transform {
  std::string name;
  double alpha = 0.25;  // of awq: 0 leaves all channels as they are, 1 makes inputs equally large
};

// Every name, in the order in which transforms are applied.
std::vector<absl::string_view> TransformNames();

// "none", or names with '+' between, each at most once; "awq=0.5" is awq with that alpha. The result is in the order
// in which they are applied. kInvalidArgument otherwise.
absl::StatusOr<std::vector<Transform>> ParseTransforms(absl::string_view text);

// What ParseTransforms reads as these: "values+awq=0.25".
std::string TransformsText(const std::vector<Transform>& transforms);

// Whether its scales come from the activations that weights meet.
bool NeedsStatistics(const Transform& transform);

struct FoldOptions {
  bool allow_requantize = false;  // fold into tensors that were published in 4 bits as well, which ends their bits
};

// The model with `transform` folded in: the same source and outputs, other recipes; where the embedding was tied and
// cannot stay so, a tensor more. `statistics` are of `model` as it is now (null: all channels count the same, which is
// enough for a plan). kInvalidArgument says by name what in the model it does not fold into. Where a part of it does
// not fold and the rest does, `notes` say so.
absl::StatusOr<Model> FoldTransform(const Model& model, const Transform& transform, const imatrix::File* statistics,
                                    const FoldOptions& options, std::vector<std::string>& notes);

// The transforms that fold into the model, each on its own.
absl::StatusOr<std::vector<Transform>> TransformsThatFold(const Model& model, const FoldOptions& options);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TRANSFORM_TRANSFORM_H_
