// NIBBLE_HOST_DEVICE marks the inline maths of the formats: plain C++ for the CPU, and for nvcc a function of both
// sides.
#ifndef NIBBLE_QUANT_BLOCK_HOST_DEVICE_H_
#define NIBBLE_QUANT_BLOCK_HOST_DEVICE_H_

#include <cstring>

#ifdef __CUDACC__
#define NIBBLE_HOST_DEVICE __host__ __device__
#else
#define NIBBLE_HOST_DEVICE
#endif

namespace nibble {

// The bits of `from` as a To of the same size.
template <typename To, typename From>
NIBBLE_HOST_DEVICE inline To BitCast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof(to));
  return to;
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_HOST_DEVICE_H_
