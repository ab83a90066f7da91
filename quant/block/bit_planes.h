// Codes of a few bits in bytes, laid out in planes: N bytes hold 8 / kBits planes of N codes, and code plane * N + i
// stands in byte i, kBits * plane bits up. All formats with 4, 2 or 1-bit fields are built of this.
#ifndef NIBBLE_QUANT_BLOCK_BIT_PLANES_H_
#define NIBBLE_QUANT_BLOCK_BIT_PLANES_H_

#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble {

template <int kBits, int N>
NIBBLE_HOST_DEVICE inline void UnpackPlanes(const uint8_t* bytes, uint8_t* codes) {
  for (int plane = 0; plane < 8 / kBits; ++plane) {
    for (int i = 0; i < N; ++i) codes[plane * N + i] = bytes[i] >> (plane * kBits) & ((1 << kBits) - 1);
  }
}

// REQUIRES: every code is below 2^kBits.
template <int kBits, int N>
NIBBLE_HOST_DEVICE inline void PackPlanes(const uint8_t* codes, uint8_t* bytes) {
  for (int i = 0; i < N; ++i) bytes[i] = codes[i];
  for (int plane = 1; plane < 8 / kBits; ++plane) {
    for (int i = 0; i < N; ++i) bytes[i] |= static_cast<uint8_t>(codes[plane * N + i] << (plane * kBits));
  }
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_BIT_PLANES_H_
