#include "quant/block/q4_k.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/q4_k.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace q4_k {
using namespace nibble::q4_k;
#include "quant/block/q4_k.inc"
}  // namespace q4_k

namespace {

using Search = KAffineSearch<q4_k::Block, q4_k::kMaxCode, q4_k::PackBlock>;
NIBBLE_CODEC_FUNCTIONS(q4_k::DecodeBlock, q4_k::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(q4_k)
