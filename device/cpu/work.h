// How many threads a piece of work is worth.
#ifndef NIBBLE_DEVICE_CPU_WORK_H_
#define NIBBLE_DEVICE_CPU_WORK_H_

#include <cstdint>

#include "device/device.h"

namespace nibble::cpu {

// All of the device's, or one where waking the others would take longer than `floats` multiplications or reads.
inline int ThreadsFor(const Device& device, int64_t floats) {
  constexpr int64_t kWorthWaking = 1 << 14;
  return floats < kWorthWaking ? 1 : device.threads();
}

}  // namespace nibble::cpu

#endif  // NIBBLE_DEVICE_CPU_WORK_H_
