// What a candidate's tensors are: types, bytes, and how far their values are from the reference's.
#ifndef NIBBLE_PIPELINE_VERIFY_TENSOR_FIGURES_H_
#define NIBBLE_PIPELINE_VERIFY_TENSOR_FIGURES_H_

#include "absl/status/status.h"
#include "model/model.h"
#include "pipeline/comm/comm.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"

namespace nibble {

// Fills `tensors`, `types`, `bits_per_weight` and `has_other_basis`. Both models are read a panel of rows per thread at
// a time; figures do not depend on the number of threads. A tensor that the reference has not, or in another shape, has
// no error, and none has if one model's residual stream is rotated and the other's is not.
// kDataLoss names a value that is not finite.
// Divided among ranks; collective.
absl::Status FillTensors(const Model& reference, const Model& candidate, int threads, Comm& comm, Progress& progress,
                         Candidate& out);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_VERIFY_TENSOR_FIGURES_H_
