// Rotations by block-diagonal Walsh-Hadamard matrices: orthonormal, symmetric (each its own inverse), with nothing to
// store. They spread a few large entries over a block, which formats with a scale per block then lose less of.
#ifndef NIBBLE_QUANT_TRANSFORM_HADAMARD_H_
#define NIBBLE_QUANT_TRANSFORM_HADAMARD_H_

#include <cstdint>

#include "absl/types/span.h"

namespace nibble {

// The largest power of two that divides `size`, at most `limit`.
int64_t HadamardBlock(int64_t size, int64_t limit);

// Every block of `block` rows of values [rows, cols] by the normalized matrix, H[i, j] = (-1)^popcount(i & j) /
// sqrt(block): column after column on its own, the same whatever the number of columns. A vector is a matrix of one
// column. REQUIRES: block is a power of two and divides the rows.
void RotateRows(int64_t block, int64_t cols, absl::Span<double> values);

}  // namespace nibble

#endif  // NIBBLE_QUANT_TRANSFORM_HADAMARD_H_
