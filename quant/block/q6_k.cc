#include "quant/block/q6_k.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/q6_k.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace q6_k {
using namespace nibble::q6_k;
#include "quant/block/q6_k.inc"
}  // namespace q6_k

namespace {

using Search = ScaledGroupsSearch<q6_k::Block, IntegerGrid<-q6_k::kZero, q6_k::kZero - 1>, q6_k::kMinScale,
                                  q6_k::kMaxScale, q6_k::RoundBlock>;
NIBBLE_CODEC_FUNCTIONS(q6_k::DecodeBlock, q6_k::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(q6_k)
