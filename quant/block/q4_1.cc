#include "quant/block/q4_1.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/q4_1.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace q4_1 {
using namespace nibble::q4_1;
#include "quant/block/q4_1.inc"
}  // namespace q4_1

namespace {

using Search = HalfAffineSearch<q4_1::Block, q4_1::kMaxCode, q4_1::RoundBlock>;
NIBBLE_CODEC_FUNCTIONS(q4_1::DecodeBlock, q4_1::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(q4_1)
