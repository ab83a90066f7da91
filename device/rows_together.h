// How the rows of a matrix may be cut.
#ifndef NIBBLE_DEVICE_ROWS_TOGETHER_H_
#define NIBBLE_DEVICE_ROWS_TOGETHER_H_

#include <cstdint>

namespace nibble {

// On a host's steady device (make_device.h) every operation makes the same bits of rows that are handed over by
// themselves, if they are whole multiples of so many, counted from the first (but for the last of all).
inline constexpr int64_t kRowsTogether = 64;

}  // namespace nibble

#endif  // NIBBLE_DEVICE_ROWS_TOGETHER_H_
