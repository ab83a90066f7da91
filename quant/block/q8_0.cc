#include "quant/block/q8_0.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/q8_0.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace q8_0 {
using namespace nibble::q8_0;
#include "quant/block/q8_0.inc"
}  // namespace q8_0

namespace {

using Search = HalfScaleSearch<q8_0::Block, IntegerGrid<-q8_0::kMaxCode, q8_0::kMaxCode>, q8_0::RoundBlock>;
NIBBLE_CODEC_FUNCTIONS(q8_0::DecodeBlock, q8_0::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(q8_0)
