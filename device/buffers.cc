#include "device/buffers.h"

#include "base/status.h"

namespace nibble {

absl::StatusOr<Buffer> Uploaded(Device& device, absl::Span<const float> values) {
  NIBBLE_ASSIGN_OR_RETURN(Buffer buffer, device.Allocate(values.size()));
  device.Upload(values, buffer.data());
  return buffer;
}

absl::StatusOr<Buffer> AllocateRows(Device& device, int64_t rows, int64_t cols) {
  for (;; rows = (rows + 1) / 2) {
    absl::StatusOr<Buffer> buffer = device.Allocate(rows * cols);
    if (rows <= 1 || !absl::IsResourceExhausted(buffer.status())) return buffer;
  }
}

}  // namespace nibble
