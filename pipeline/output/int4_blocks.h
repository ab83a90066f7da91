// Q4_0's blocks as those of INT4_G32, which a folder can hold: the same values, where the scale is one that BF16 has.
#ifndef NIBBLE_PIPELINE_OUTPUT_INT4_BLOCKS_H_
#define NIBBLE_PIPELINE_OUTPUT_INT4_BLOCKS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace nibble {

// In place: blocks of both are as long. kUnimplemented, with `place` in front, names the first block that INT4_G32
// cannot hold: its scale is none of BF16's, or not above 0 while codes need it so.
absl::Status Q4ToInt4Blocks(absl::Span<std::byte> blocks, absl::string_view place);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_INT4_BLOCKS_H_
