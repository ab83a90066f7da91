// What a model is, from its headers alone: no weight is read.
#ifndef NIBBLE_PIPELINE_INSPECT_H_
#define NIBBLE_PIPELINE_INSPECT_H_

#include "absl/status/statusor.h"
#include "model/model.h"
#include "pipeline/inspect.pb.h"

namespace nibble {

absl::StatusOr<Inspection> Inspect(const Model& model);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_INSPECT_H_
