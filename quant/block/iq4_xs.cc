#include "quant/block/iq4_xs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/iq4_xs.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace iq4_xs {
using namespace nibble::iq4_xs;
#include "quant/block/iq4_xs.inc"
}  // namespace iq4_xs

namespace {

using Search = ScaledGroupsSearch<iq4_xs::Block, Iq4Grid, iq4_xs::kMinScale, iq4_xs::kMaxScale, iq4_xs::RoundBlock>;
NIBBLE_CODEC_FUNCTIONS(iq4_xs::DecodeBlock, iq4_xs::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(iq4_xs)
