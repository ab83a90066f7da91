#include "quant/block/q4_0.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/q4_0.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace q4_0 {
using namespace nibble::q4_0;
#include "quant/block/q4_0.inc"
}  // namespace q4_0

namespace {

using Search = HalfScaleSearch<q4_0::Block, IntegerGrid<-8, 7>, q4_0::RoundBlock>;
NIBBLE_CODEC_FUNCTIONS(q4_0::DecodeBlock, q4_0::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(q4_0)
