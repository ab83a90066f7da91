#include "quant/block/q5_1.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/q5_1.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace q5_1 {
using namespace nibble::q5_1;
#include "quant/block/q5_1.inc"
}  // namespace q5_1

namespace {

using Search = HalfAffineSearch<q5_1::Block, q5_1::kMaxCode, q5_1::RoundBlock>;
NIBBLE_CODEC_FUNCTIONS(q5_1::DecodeBlock, q5_1::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(q5_1)
