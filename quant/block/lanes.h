// Numbers for code that is written once and compiled twice: for one block at a time, with plain floats (here), and for
// as many blocks at once as a vector has lanes (lanes-inl.h, for each instruction set). Lanes never mix, and every
// operation is the same IEEE one, so a block's bytes do not depend on which of the two made them: the plain code is the
// vector code's oracle, and what CUDA compiles.
//
// Such code lies in files named *.inc. A header of the same name includes its plain form; simd.h all vector forms. It
// chooses by Select and asks by Any, for a lane cannot branch alone.
#ifndef NIBBLE_QUANT_BLOCK_LANES_H_
#define NIBBLE_QUANT_BLOCK_LANES_H_

#include <cmath>
#include <cstdint>

#include "quant/block/half.h"
#include "quant/block/host_device.h"

#define NIBBLE_LANES_INLINE NIBBLE_HOST_DEVICE inline    // small
#define NIBBLE_LANES_FUNCTION NIBBLE_HOST_DEVICE inline  // large, and called from many places: vector forms stay calls

namespace nibble {

using Floats = float;
using Ints = int32_t;
using Mask = bool;

inline constexpr int kLanes = 1;

NIBBLE_LANES_INLINE Floats Splat(float value) { return value; }
NIBBLE_LANES_INLINE Ints SplatInt(int32_t value) { return value; }
NIBBLE_LANES_INLINE Floats Select(Mask mask, Floats yes, Floats no) { return mask ? yes : no; }
NIBBLE_LANES_INLINE Ints Select(Mask mask, Ints yes, Ints no) { return mask ? yes : no; }
NIBBLE_LANES_INLINE Mask Both(Mask a, Mask b) { return a && b; }
NIBBLE_LANES_INLINE bool Any(Mask mask) { return mask; }
NIBBLE_LANES_INLINE Floats Magnitude(Floats value) { return value < 0 ? -value : value; }
NIBBLE_LANES_INLINE Floats Least(Floats a, Floats b) { return b < a ? b : a; }
NIBBLE_LANES_INLINE Floats Most(Floats a, Floats b) { return a < b ? b : a; }
// a * b + c, rounded once.
NIBBLE_LANES_INLINE Floats FusedMulAdd(Floats a, Floats b, Floats c) { return fmaf(a, b, c); }
NIBBLE_LANES_INLINE Floats ToFloats(Ints value) { return static_cast<float>(value); }
NIBBLE_LANES_INLINE Ints ToInts(Floats value) { return static_cast<int32_t>(value); }  // an integer's
NIBBLE_LANES_INLINE Ints BitsOf(Floats value) { return BitCast<int32_t>(value); }
NIBBLE_LANES_INLINE Floats FloatsOf(Ints bits) { return BitCast<float>(bits); }
template <int kBits>
NIBBLE_LANES_INLINE Ints ShiftedRight(Ints value) {  // as an unsigned number
  return static_cast<int32_t>(static_cast<uint32_t>(value) >> kBits);
}
template <int kBits>
NIBBLE_LANES_INLINE Ints ShiftedLeft(Ints value) {
  return static_cast<int32_t>(static_cast<uint32_t>(value) << kBits);
}
// The nearest integer of a value in [-2^22, 2^22], ties to even; the sign of a zero is left open.
NIBBLE_LANES_INLINE Floats RoundToEven(Floats value) {
  constexpr float kShift = 12582912.0f;  // 1.5 * 2^23: beyond that a float has no fraction to keep
  return (value + kShift) - kShift;
}

// half.h's, on lanes.
NIBBLE_LANES_INLINE Floats HalfOfBits(Ints half) { return HalfToFloat(static_cast<uint16_t>(half)); }
NIBBLE_LANES_INLINE Ints NearestHalf(Floats value) { return SaturateToHalf(value); }

// Sixteen floats, found by the low four bits of an index. The array outlives it.
class Table16 {
 public:
  NIBBLE_LANES_INLINE explicit Table16(const float* values) : values_(values) {}
  NIBBLE_LANES_INLINE Floats operator[](Ints index) const { return values_[index & 15]; }

 private:
  const float* values_;
};

// Thirty-two of them, by the low five bits.
class Table32 {
 public:
  NIBBLE_LANES_INLINE explicit Table32(const float* values) : values_(values) {}
  NIBBLE_LANES_INLINE Floats operator[](Ints index) const { return values_[index & 31]; }

 private:
  const float* values_;
};

// Element `i` of the blocks that begin at `values`, `stride` apart, one per lane; lanes beyond `count` repeat the last.
template <int N>
NIBBLE_LANES_INLINE void LoadLanes(const float* values, int64_t /*stride*/, int /*count*/, Floats* out) {
  for (int i = 0; i < N; ++i) out[i] = values[i];
}
NIBBLE_LANES_INLINE void StoreLanes(Floats value, float* out) { *out = value; }

}  // namespace nibble

#endif  // NIBBLE_QUANT_BLOCK_LANES_H_
