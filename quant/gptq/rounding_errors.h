// What rounding leaves of weights.
#ifndef NIBBLE_QUANT_GPTQ_ROUNDING_ERRORS_H_
#define NIBBLE_QUANT_GPTQ_ROUNDING_ERRORS_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "device/device.h"
#include "quant/block/format.h"

namespace nibble {

// Makes `error` [rows, n], on the device, `values` less what `bytes` stand for.
absl::Status ErrorsOf(Device& device, const BlockFormat& format, ConstMatrix values, absl::Span<const std::byte> bytes,
                      Matrix error);

}  // namespace nibble

#endif  // NIBBLE_QUANT_GPTQ_ROUNDING_ERRORS_H_
