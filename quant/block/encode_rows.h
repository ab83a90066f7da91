// The search of a format on rows whose columns have weights.
#ifndef NIBBLE_QUANT_BLOCK_ENCODE_ROWS_H_
#define NIBBLE_QUANT_BLOCK_ENCODE_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "quant/block/format.h"

namespace nibble {

// Rows that are encoded by one call: enough blocks for every lane of a vector, of short rows too.
int64_t RowsAtOnce(int64_t cols);

// format.encode_weighted of rows of `cols` values, each with the same `weights` [cols], or null. `room` is for
// RowsAtOnce rows of weights. REQUIRES: cols is a multiple of the block, if there are weights.
void EncodeRows(const BlockFormat& format, absl::Span<const float> values, int64_t cols, const float* weights,
                std::vector<float>& room, absl::Span<std::byte> out);

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_ENCODE_ROWS_H_
