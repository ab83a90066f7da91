// Whether values can be encoded at all: encoders give those beyond a format's range its ends.
#ifndef NIBBLE_PIPELINE_OUTPUT_CHECK_OVERFLOW_H_
#define NIBBLE_PIPELINE_OUTPUT_CHECK_OVERFLOW_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "pipeline/output/output_tensor.h"

namespace nibble {

inline constexpr float kAlwaysHeld = 1000;  // every format's range goes further

// `values` are rows of `slice` of `output` from `first_row` on. kDataLoss names the index of one that is too large for
// the output's format, or for the scale of its block, as rounding to the nearest shows: other methods may give up a
// value that meets no inputs.
absl::Status CheckOverflow(const Model& model, const OutputTensor& output, const LogicalTensor& slice,
                           int64_t first_row, absl::Span<const float> values);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_CHECK_OVERFLOW_H_
