// What the sums of a device depend on besides their inputs.
#ifndef NIBBLE_DEVICE_INSTRUCTION_SET_H_
#define NIBBLE_DEVICE_INSTRUCTION_SET_H_

#include <string>

#include "absl/status/statusor.h"
#include "device/make_device.h"

namespace nibble {

// "avx512_core_bf16, oneDNN 2.6.3"; of a GPU, its name and its library's version. Two jobs that say the same compute
// the same bits, whatever the number of threads. Errors as MakeDevice has them.
absl::StatusOr<std::string> InstructionSetOf(const DeviceChoice& choice);

}  // namespace nibble

#endif  // NIBBLE_DEVICE_INSTRUCTION_SET_H_
