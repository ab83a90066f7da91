// Work divided among ranks.
#ifndef NIBBLE_PIPELINE_COMM_DIVIDE_H_
#define NIBBLE_PIPELINE_COMM_DIVIDE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace nibble {

// Which rank does each piece: the costliest first, each by the one that has least to do. A function of its arguments
// alone, so that every rank finds the same without asking. REQUIRES: ranks > 0.
std::vector<int> Divide(absl::Span<const uint64_t> costs, int ranks);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_COMM_DIVIDE_H_
