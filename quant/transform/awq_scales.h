// Activation-aware scales (AWQ, arXiv 2306.00978): weights that meet large inputs are multiplied up before they are
// rounded, and what comes before them is divided by as much.
#ifndef NIBBLE_QUANT_TRANSFORM_AWQ_SCALES_H_
#define NIBBLE_QUANT_TRANSFORM_AWQ_SCALES_H_

#include <vector>

#include "absl/types/span.h"

namespace nibble {

// What the columns that channels feed are multiplied by: the root of each channel's mean square to the power `alpha`,
// over their geometric mean. Channels hardly ever used count as if their mean square were kLeastShare of the mean over
// all; where there are none but those, the scales are 1. REQUIRES: mean squares finite, not negative; alpha in [0, 1].
inline constexpr double kLeastShare = 1e-6;
std::vector<float> AwqScales(absl::Span<const float> mean_squares, double alpha);

}  // namespace nibble

#endif  // NIBBLE_QUANT_TRANSFORM_AWQ_SCALES_H_
