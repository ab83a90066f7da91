#include "quant/block/int4_group.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/int4_g32.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace {

using Search = Int4Search<32>;
NIBBLE_CODEC_FUNCTIONS(int4_group::DecodeBlock<32>, int4_group::PlainBlock<32>, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(int4_g32)
