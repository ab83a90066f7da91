// Which keys a query sees (contract: AttentionArguments, device/operations.h).
#ifndef NIBBLE_DEVICE_MATHS_VISIBLE_KEYS_H_
#define NIBBLE_DEVICE_MATHS_VISIBLE_KEYS_H_

#include <cstdint>

#include "device/operations.h"
#include "quant/block/host_device.h"

namespace nibble {

struct VisibleKeys {
  explicit VisibleKeys(const AttentionArguments& arguments) : window(arguments.window), chunk(arguments.chunk) {}

  // The first one that a query at `position` sees; the last one is at `position` itself.
  NIBBLE_HOST_DEVICE int64_t First(int64_t position) const {
    const int64_t of_window = window > 0 ? position - window + 1 : 0;
    const int64_t of_chunk = chunk > 0 ? position - position % chunk : 0;
    const int64_t first = of_window > of_chunk ? of_window : of_chunk;
    return first > 0 ? first : 0;
  }

  int64_t window;
  int64_t chunk;
};

}  // namespace nibble

#endif  // NIBBLE_DEVICE_MATHS_VISIBLE_KEYS_H_
