// What a model is, from its headers alone: no weight is read.
#ifndef NIBBLE_PIPELINE_INSPECT_H_
#define NIBBLE_PIPELINE_INSPECT_H_

#include "absl/status/statusor.h"
#include "model/model.h"
#include "pipeline/inspect.pb.h"

namespace nibble {

// `with_tensors`: every stored tensor as well.
absl::StatusOr<Inspection> Inspect(const Model& model, bool with_tensors);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_INSPECT_H_
