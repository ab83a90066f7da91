#include "quant/block/q5_0.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/q5_0.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace q5_0 {
using namespace nibble::q5_0;
#include "quant/block/q5_0.inc"
}  // namespace q5_0

namespace {

using Search = HalfScaleSearch<q5_0::Block, IntegerGrid<-16, 15>, q5_0::RoundBlock>;
NIBBLE_CODEC_FUNCTIONS(q5_0::DecodeBlock, q5_0::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(q5_0)
