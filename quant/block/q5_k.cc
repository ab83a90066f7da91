#include "quant/block/q5_k.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/q5_k.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace q5_k {
using namespace nibble::q5_k;
#include "quant/block/q5_k.inc"
}  // namespace q5_k

namespace {

using Search = KAffineSearch<q5_k::Block, q5_k::kMaxCode, q5_k::PackBlock>;
NIBBLE_CODEC_FUNCTIONS(q5_k::DecodeBlock, q5_k::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(q5_k)
