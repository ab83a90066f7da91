// Buffers with something in them, and as large as there is room for.
#ifndef NIBBLE_DEVICE_BUFFERS_H_
#define NIBBLE_DEVICE_BUFFERS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "device/device.h"

namespace nibble {

absl::StatusOr<Buffer> Uploaded(Device& device, absl::Span<const float> values);

// For at most `rows` rows of `cols` floats: half as many, and half of these, as long as the device has no room.
// kResourceExhausted if there is none for a single one.
absl::StatusOr<Buffer> AllocateRows(Device& device, int64_t rows, int64_t cols);

}  // namespace nibble

#endif  // NIBBLE_DEVICE_BUFFERS_H_
