// The largest magnitude of many floats, at the speed of memory: what tells in one pass whether all are finite, and
// whether any is too large for a format.
#ifndef NIBBLE_QUANT_BLOCK_MAGNITUDE_H_
#define NIBBLE_QUANT_BLOCK_MAGNITUDE_H_

#include "absl/types/span.h"

namespace nibble {

// 0 for none; an infinity or a NaN if one of the values is.
float LargestMagnitude(absl::Span<const float> values);

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_MAGNITUDE_H_
