// How much of a tensor is lost in each format, estimated on a few of its rows.
#ifndef NIBBLE_PIPELINE_FIT_TYPE_ERRORS_H_
#define NIBBLE_PIPELINE_FIT_TYPE_ERRORS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/model.h"
#include "model/tensor_list.h"
#include "quant/block/format.h"

namespace nibble {

// By format: sum of (w - decoded)^2 over sum of w^2, all columns counting the same; 0 for rows of zeros. Rows lie
// evenly over all slices, 2^15 values in all. `plain`: by encode_rtn, else by encode_weighted. Errors as ReadRows has
// them. Thread-safe. REQUIRES: every format can be encoded, and its blocks divide the rows.
absl::StatusOr<std::vector<double>> RelativeErrors(const Model& model, TensorStack slices,
                                                   absl::Span<const Format> formats, bool plain);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_FIT_TYPE_ERRORS_H_
