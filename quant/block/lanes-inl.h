// lanes.h for vectors: included once per instruction set, by simd.h.
#if defined(NIBBLE_QUANT_BLOCK_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_BLOCK_LANES_INL_H_
#undef NIBBLE_QUANT_BLOCK_LANES_INL_H_
#else
#define NIBBLE_QUANT_BLOCK_LANES_INL_H_
#endif

#include <cmath>

#include "hwy/highway.h"

#undef NIBBLE_LANES_INLINE
#undef NIBBLE_LANES_FUNCTION
#define NIBBLE_LANES_INLINE HWY_INLINE
#define NIBBLE_LANES_FUNCTION HWY_NOINLINE

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using IntTag = hn::RebindToSigned<FloatTag>;
using Floats = hn::Vec<FloatTag>;
using Ints = hn::Vec<IntTag>;
using Mask = hn::Mask<FloatTag>;

inline constexpr FloatTag kFloatTag;
inline constexpr IntTag kIntTag;
inline constexpr int kLanes = hn::MaxLanes(kFloatTag);

HWY_INLINE Floats Splat(float value) { return hn::Set(kFloatTag, value); }
HWY_INLINE Ints SplatInt(int32_t value) { return hn::Set(kIntTag, value); }
HWY_INLINE Floats Select(Mask mask, Floats yes, Floats no) { return hn::IfThenElse(mask, yes, no); }
HWY_INLINE Ints Select(Mask mask, Ints yes, Ints no) { return hn::IfThenElse(hn::RebindMask(kIntTag, mask), yes, no); }
HWY_INLINE Mask Both(Mask a, Mask b) { return hn::And(a, b); }
HWY_INLINE bool Any(Mask mask) { return !hn::AllFalse(kFloatTag, mask); }
HWY_INLINE Floats Magnitude(Floats value) { return hn::Abs(value); }
HWY_INLINE Floats Least(Floats a, Floats b) { return hn::Min(a, b); }
HWY_INLINE Floats Most(Floats a, Floats b) { return hn::Max(a, b); }
#if HWY_TARGET <= HWY_AVX2 || HWY_ARCH_ARM_A64
HWY_INLINE Floats FusedMulAdd(Floats a, Floats b, Floats c) { return hn::MulAdd(a, b, c); }
#else  // no such instruction: hn::MulAdd would round twice
HWY_INLINE Floats FusedMulAdd(Floats a, Floats b, Floats c) {
  HWY_ALIGN float factors[kLanes], others[kLanes], sums[kLanes];
  hn::Store(a, kFloatTag, factors);
  hn::Store(b, kFloatTag, others);
  hn::Store(c, kFloatTag, sums);
  for (int lane = 0; lane < kLanes; ++lane) sums[lane] = fmaf(factors[lane], others[lane], sums[lane]);
  return hn::Load(kFloatTag, sums);
}
#endif
HWY_INLINE Floats ToFloats(Ints value) { return hn::ConvertTo(kFloatTag, value); }
HWY_INLINE Ints ToInts(Floats value) { return hn::ConvertTo(kIntTag, value); }
HWY_INLINE Ints BitsOf(Floats value) { return hn::BitCast(kIntTag, value); }
HWY_INLINE Floats FloatsOf(Ints bits) { return hn::BitCast(kFloatTag, bits); }
template <int kBits>
HWY_INLINE Ints ShiftedRight(Ints value) {
  const hn::RebindToUnsigned<IntTag> tag;
  return hn::BitCast(kIntTag, hn::ShiftRight<kBits>(hn::BitCast(tag, value)));
}
template <int kBits>
HWY_INLINE Ints ShiftedLeft(Ints value) {
  return hn::ShiftLeft<kBits>(value);
}
HWY_INLINE Floats RoundToEven(Floats value) { return hn::Round(value); }

HWY_INLINE Floats HalfOfBits(Ints half) {
  const Ints magnitude = half & SplatInt(0x7fff);
  const Floats normal = FloatsOf(ShiftedLeft<13>(magnitude) + SplatInt(112 << 23));
  const Floats denormal = ToFloats(magnitude) * Splat(0x1p-24f);
  const Floats value = Select(denormal < Splat(0x1p-14f), denormal, normal);
  return FloatsOf(BitsOf(value) | ShiftedLeft<16>(half & SplatInt(0x8000)));
}

HWY_INLINE Ints NearestHalf(Floats value) {
  const Ints sign = ShiftedRight<16>(BitsOf(value)) & SplatInt(0x8000);
  const Floats magnitude = Least(Magnitude(value), Splat(kMaxHalf));
  const Ints rebiased = BitsOf(magnitude) - SplatInt(112 << 23);
  const Ints normal = ShiftedRight<13>(rebiased + SplatInt(0xfff) + (ShiftedRight<13>(rebiased) & SplatInt(1)));
  const Ints denormal = BitsOf(magnitude + Splat(0.5f)) - SplatInt(0x3f000000);
  return sign | Select(magnitude < Splat(0x1p-14f), denormal, normal);
}

class Table16 {
 public:
#if HWY_TARGET == HWY_AVX3
  HWY_INLINE explicit Table16(const float* values) : values_(hn::LoadU(kFloatTag, values)) {}
  HWY_INLINE Floats operator[](Ints index) const {
    return hn::TableLookupLanes(values_, hn::IndicesFromVec(kFloatTag, index & SplatInt(15)));
  }

 private:
  Floats values_;
#elif HWY_TARGET == HWY_AVX2
  HWY_INLINE explicit Table16(const float* values)
      : low_(hn::LoadU(kFloatTag, values)), high_(hn::LoadU(kFloatTag, values + 8)) {}
  HWY_INLINE Floats operator[](Ints index) const {
    const auto of_eight = hn::IndicesFromVec(kFloatTag, index & SplatInt(7));
    return Select(hn::RebindMask(kFloatTag, hn::TestBit(index, SplatInt(8))), hn::TableLookupLanes(high_, of_eight),
                  hn::TableLookupLanes(low_, of_eight));
  }

 private:
  Floats low_, high_;
#else
  HWY_INLINE explicit Table16(const float* values) : values_(values) {}
  HWY_INLINE Floats operator[](Ints index) const { return hn::GatherIndex(kFloatTag, values_, index & SplatInt(15)); }

 private:
  const float* values_;
#endif
};

class Table32 {
 public:
#if HWY_TARGET == HWY_AVX3
  HWY_INLINE explicit Table32(const float* values)
      : low_(hn::LoadU(kFloatTag, values)), high_(hn::LoadU(kFloatTag, values + 16)) {}
  HWY_INLINE Floats operator[](Ints index) const {
    return Floats{_mm512_permutex2var_ps(low_.raw, index.raw, high_.raw)};
  }

 private:
  Floats low_, high_;
#else
  HWY_INLINE explicit Table32(const float* values) : values_(values) {}
  HWY_INLINE Floats operator[](Ints index) const { return hn::GatherIndex(kFloatTag, values_, index & SplatInt(31)); }

 private:
  const float* values_;
#endif
};

#if HWY_TARGET == HWY_SCALAR
template <int N>
HWY_INLINE void LoadLanes(const float* values, int64_t /*stride*/, int /*count*/, Floats* out) {
  for (int i = 0; i < N; ++i) out[i] = hn::LoadU(kFloatTag, values + i);
}
#else
// Four floats from `at` on of every fourth block, one behind the other.
HWY_INLINE Floats LoadFours(const float* const* blocks, int64_t at) {
#if HWY_TARGET == HWY_AVX3
  const auto load = [at](const float* block) { return hn::LoadDup128(kFloatTag, block + at); };
  return hn::ConcatUpperLower(kFloatTag, hn::OddEvenBlocks(load(blocks[12]), load(blocks[8])),
                              hn::OddEvenBlocks(load(blocks[4]), load(blocks[0])));
#elif HWY_TARGET == HWY_AVX2
  return hn::OddEvenBlocks(hn::LoadDup128(kFloatTag, blocks[4] + at), hn::LoadDup128(kFloatTag, blocks[0] + at));
#else
  return hn::LoadU(kFloatTag, blocks[0] + at);
#endif
}

// Four by four floats are transposed at a time, in each 128 bits of the vectors.
template <int N>
HWY_INLINE void LoadLanes(const float* values, int64_t stride, int count, Floats* out) {
  static_assert(N % 4 == 0);
  const float* blocks[kLanes];
  for (int lane = 0; lane < kLanes; ++lane) blocks[lane] = values + (lane < count ? lane : count - 1) * stride;
  for (int i = 0; i < N; i += 4) {
    const Floats a = LoadFours(blocks, i), b = LoadFours(blocks + 1, i);
    const Floats c = LoadFours(blocks + 2, i), d = LoadFours(blocks + 3, i);
    const Floats lower_ac = hn::InterleaveLower(kFloatTag, a, c), lower_bd = hn::InterleaveLower(kFloatTag, b, d);
    const Floats upper_ac = hn::InterleaveUpper(kFloatTag, a, c), upper_bd = hn::InterleaveUpper(kFloatTag, b, d);
    out[i] = hn::InterleaveLower(kFloatTag, lower_ac, lower_bd);
    out[i + 1] = hn::InterleaveUpper(kFloatTag, lower_ac, lower_bd);
    out[i + 2] = hn::InterleaveLower(kFloatTag, upper_ac, upper_bd);
    out[i + 3] = hn::InterleaveUpper(kFloatTag, upper_ac, upper_bd);
  }
}
#endif
HWY_INLINE void StoreLanes(Floats value, float* out) { hn::StoreU(value, kFloatTag, out); }

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif  // NIBBLE_QUANT_BLOCK_LANES_INL_H_
