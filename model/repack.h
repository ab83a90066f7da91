// Published 4-bit codes and their scales, as the blocks of a GGUF type: the same bits in another order.
#ifndef NIBBLE_MODEL_REPACK_H_
#define NIBBLE_MODEL_REPACK_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "formats/dtype.h"
#include "formats/tensor_source.h"
#include "model/gather.h"
#include "model/logical_tensor.h"

namespace nibble {

// The type whose blocks a view's elements and scales are, if they are one's and each view row is a run of whole blocks.
std::optional<DType> RepackedDType(const TensorSource& source, const StridedView& view);

// Blocks of the run's elements, from byte out on. Errors and counting as ReadRawRows.
// REQUIRES: RepackedDType(source, view) has a value; the run is one of the view's.
absl::Status RepackRun(const TensorSource& source, const StridedView& view, const Run& run, std::byte* out,
                       int64_t* rounded_scales);

}  // namespace nibble

#endif  // NIBBLE_MODEL_REPACK_H_
