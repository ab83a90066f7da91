#include "quant/block/magnitude.h"

#include <cstddef>
#include <cstdint>

#include "quant/block/half.h"
#include "quant/block/lanes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/magnitude.cc"
#include "hwy/foreach_target.h"
#include "quant/block/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {

// Without its sign a float's bits order it as an integer, infinities and NaNs last.
float LargestOf(const float* values, size_t n) {
  constexpr size_t kAtOnce = 4 * kLanes;
  const Ints magnitude = SplatInt(0x7fffffff);
  const auto load = [&](size_t i) HWY_ATTR { return BitsOf(hn::LoadU(kFloatTag, values + i)) & magnitude; };
  Ints a = SplatInt(0), b = a, c = a, d = a;
  size_t i = 0;
  for (; i + kAtOnce <= n; i += kAtOnce) {
    a = hn::Max(a, load(i));
    b = hn::Max(b, load(i + kLanes));
    c = hn::Max(c, load(i + 2 * kLanes));
    d = hn::Max(d, load(i + 3 * kLanes));
  }
  int32_t largest = hn::GetLane(hn::MaxOfLanes(kIntTag, hn::Max(hn::Max(a, b), hn::Max(c, d))));
  for (; i < n; ++i) {
    const int32_t bits = nibble::BitsOf(values[i]) & 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  return nibble::FloatsOf(largest);
}

}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace nibble {

HWY_EXPORT(LargestOf);

float LargestMagnitude(absl::Span<const float> values) {
  return HWY_DYNAMIC_DISPATCH(LargestOf)(values.data(), values.size());
}

}  // namespace nibble
#endif
