// Rounding with error feedback: codes chosen so that the errors of a row's columns make up for one another, as far as
// the inputs seen in calibration go. The bytes are an ordinary file's.
#ifndef NIBBLE_QUANT_GPTQ_GPTQ_H_
#define NIBBLE_QUANT_GPTQ_GPTQ_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "quant/block/format.h"
#include "quant/gptq/curvature.h"

namespace nibble {

// The format's weighted search on the device, as many rows at a time as there is room for. `weights`, one for each
// column, in host memory; empty: all the same.
absl::Status EncodeSearched(Device& device, const BlockFormat& format, absl::Span<const float> weights, int64_t cols,
                            absl::Span<const float> values, absl::Span<std::byte> out);

inline constexpr int64_t kSearchedAtOnce = 1 << 23;  // values, at most

struct GptqOptions {
  int rounds = 4;  // of refinement behind the feedback; each lowers the error, or leaves it
};

// Whether the format has codes to choose.
bool CanGptq(Format format);

// tr(X H X^T), undamped.
struct GptqFigures {
  double searched = 0;  // of the error that the search over scales leaves
  double error = 0;     // of what is left in the end; never above `searched`
};

// Encodes `rows` rows of curvature.size() values. Scales come from the format's weighted search under the curvature's
// diagonal; codes from GPTQ; coordinate descent moves both. A row whose error that does not lower keeps the search's
// bytes. On a steady device (device/make_device.h) a row's bytes are its own: whatever rows it is encoded with.
// REQUIRES: CanGptq(format); the row's length is a multiple of its block.
absl::StatusOr<GptqFigures> EncodeGptq(Device& device, const BlockFormat& format, const Curvature& curvature,
                                       absl::Span<const float> values, const GptqOptions& options,
                                       absl::Span<std::byte> out);

}  // namespace nibble

#endif  // NIBBLE_QUANT_GPTQ_GPTQ_H_
