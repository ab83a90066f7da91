// What codecs do to values that lie side by side in a block, plainly; rows-simd.inc has the same in vectors. N is a
// multiple of 16, N / 16 a power of two.
#ifndef NIBBLE_QUANT_BLOCK_ROWS_H_
#define NIBBLE_QUANT_BLOCK_ROWS_H_

#include <cmath>
#include <cstdint>

#include "quant/block/e2m1.h"
#include "quant/block/extremes.h"
#include "quant/block/host_device.h"
#include "quant/block/iq4.h"
#include "quant/block/rounding.h"

namespace nibble {

struct RowRange {
  float min, max;
};

template <int N>
NIBBLE_HOST_DEVICE inline RowRange RowMinMax(const float* values) {
  const Range range = MinMax(values, N);
  return {range.min, range.max};
}

// extremes.h's.
template <int N>
NIBBLE_HOST_DEVICE inline float RowAbsMax(const float* values) {
  return AbsMax(values, N);
}
template <int N>
NIBBLE_HOST_DEVICE inline float RowSignedMax(const float* values) {
  return SignedMax(values, N);
}

// Codes: the integer nearest to (value - offset) * inverse within [low, high], ties to even, plus `zero`.
template <int N>
NIBBLE_HOST_DEVICE inline void RowNearest(const float* values, float offset, float inverse, int low, int high, int zero,
                                          uint8_t* codes) {
  for (int i = 0; i < N; ++i) {
    const float level =
        RoundToEven(Clamp((values[i] - offset) * inverse, static_cast<float>(low), static_cast<float>(high)));
    codes[i] = static_cast<uint8_t>(static_cast<int>(level) + zero);
  }
}

// Codes: (value - offset) * inverse + bias within [0, high], without its fraction.
template <int N>
NIBBLE_HOST_DEVICE inline void RowTruncated(const float* values, float offset, float inverse, float bias, int high,
                                            uint8_t* codes) {
  for (int i = 0; i < N; ++i) {
    codes[i] = static_cast<uint8_t>(Clamp((values[i] - offset) * inverse + bias, 0.0f, static_cast<float>(high)));
  }
}

// Codes: the integer nearest to value * inverse within [-high, high], ties away from zero.
template <int N>
NIBBLE_HOST_DEVICE inline void RowAwayFromZero(const float* values, float inverse, int high, int8_t* codes) {
  const float limit = static_cast<float>(high);
  for (int i = 0; i < N; ++i) codes[i] = static_cast<int8_t>(roundf(Clamp(values[i] * inverse, -limit, limit)));
}

// Codes nearest to value / scale: NearestE2M1's.
template <int N>
NIBBLE_HOST_DEVICE inline void RowNearestE2M1(const float* values, float scale, uint8_t* codes) {
  for (int i = 0; i < N; ++i) codes[i] = NearestE2M1(values[i], scale);
}

// Codes nearest to value * inverse: Iq4Code's.
template <int N>
NIBBLE_HOST_DEVICE inline void RowNearestIq4(const float* values, float inverse, uint8_t* codes) {
  for (int i = 0; i < N; ++i) codes[i] = Iq4Code(values[i] * inverse);
}

// Values: scale * (code - zero).
template <int N>
NIBBLE_HOST_DEVICE inline void RowScaled(const uint8_t* codes, int zero, float scale, float* values) {
  for (int i = 0; i < N; ++i) values[i] = scale * static_cast<float>(codes[i] - zero);
}
template <int N>
NIBBLE_HOST_DEVICE inline void RowScaled(const int8_t* codes, float scale, float* values) {
  for (int i = 0; i < N; ++i) values[i] = scale * static_cast<float>(codes[i]);
}

// Values: scale * code + offset.
template <int N>
NIBBLE_HOST_DEVICE inline void RowAffine(const uint8_t* codes, float scale, float offset, float* values) {
  for (int i = 0; i < N; ++i) values[i] = scale * static_cast<float>(codes[i]) + offset;
}

// Values: scale * levels[code].
template <int N>
NIBBLE_HOST_DEVICE inline void RowLookedUp(const uint8_t* codes, const float* levels, float scale, float* values) {
  for (int i = 0; i < N; ++i) values[i] = scale * levels[codes[i]];
}

// sum w (value - decoded)^2, in sixteen sums side by side whose halves are added in turn; `weights` null: 1 everywhere.
template <int N>
NIBBLE_HOST_DEVICE inline double RowError(const float* values, const float* weights, const float* decoded) {
  constexpr int kSums = 16;
  double sums[kSums] = {};
  for (int i = 0; i < N; ++i) {
    const double rest = static_cast<double>(values[i]) - decoded[i];
    sums[i % kSums] += (weights == nullptr ? 1.0 : static_cast<double>(weights[i])) * (rest * rest);
  }
  for (int half = kSums / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; ++j) sums[j] += sums[j + half];
  }
  return sums[0];
}

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_ROWS_H_
