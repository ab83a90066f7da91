// The one-byte scales of the microscaling formats.
//
//   E8M0   eight bits of exponent: 2^(code - 127)
//   UE4M3  four bits of exponent (bias 7), three of mantissa, no sign; denormals below 2^-6; largest 448 (0x7e)
//
// Both are decoded here to *half* their value, because the E2M1 codes they multiply are kept doubled (e2m1.h).
#ifndef NIBBLE_QUANT_BLOCK_SCALE_CODE_H_
#define NIBBLE_QUANT_BLOCK_SCALE_CODE_H_

#include <cstdint>

#include "quant/block/host_device.h"

namespace nibble {

// 2^(code - 128). 0xff, NaN by the OCP specification, goes on as 2^127: llama.cpp decodes it so.
NIBBLE_HOST_DEVICE inline float HalfOfE8M0(uint8_t code) {
  return BitCast<float>(code < 2 ? 0x00200000u << code : static_cast<uint32_t>(code - 1) << 23);
}

inline constexpr uint8_t kMaxUE4M3 = 0x7e;

// Half the value; 0 for 0x7f (NaN by the specification), as llama.cpp decodes it. The top bit is not part of the code.
NIBBLE_HOST_DEVICE inline float HalfOfUE4M3(uint8_t code) {
  const uint32_t exponent = code >> 3 & 0xf, mantissa = code & 7;
  if (code == 0x7f) return 0.0f;
  if (exponent == 0) return static_cast<float>(mantissa) * 0x1p-10f;
  return BitCast<float>((exponent - 7 + 127 - 1) << 23 | mantissa << 20);
}

// The rounding of llama.cpp and gguf-py, for a value >= 0: to nearest, ties up; denormals stop at 7 * 2^-9, and all
// from 256 on becomes 448.
NIBBLE_HOST_DEVICE inline uint8_t RoundToUE4M3(float value) {
  if (value >= 256.0f) return kMaxUE4M3;
  if (value < 0x1p-6f) {
    const int code = static_cast<int>(value * 512.0f + 0.5f);
    return static_cast<uint8_t>(code < 7 ? code : 7);
  }
  const uint32_t rounded = (BitCast<uint32_t>(value) + (1u << 19)) >> 20;  // exponent and three bits of mantissa
  const uint32_t code = rounded - ((127 - 7) << 3);
  return static_cast<uint8_t>(code < 0x78 ? code : kMaxUE4M3);
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_SCALE_CODE_H_
