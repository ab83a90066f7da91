#include "quant/gptq/rounding_errors.h"

#include "base/status.h"
#include "device/buffers.h"

namespace nibble {

absl::Status ErrorsOf(Device& device, const BlockFormat& format, ConstMatrix values, absl::Span<const std::byte> bytes,
                      Matrix error) {
  constexpr float kMinus = -1;
  NIBBLE_ASSIGN_OR_RETURN(const Buffer minus, Uploaded(device, absl::MakeConstSpan(&kMinus, 1)));
  device.operations().decode(device, format, bytes, error.data);
  device.operations().scale_rows(device, minus.data(), 1, error);
  device.operations().add(device, values, error);
  return absl::OkStatus();
}

}  // namespace nibble
