#include "quant/block/iq4_nl.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/iq4_nl.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace iq4_nl {
using namespace nibble::iq4_nl;
#include "quant/block/iq4_nl.inc"
}  // namespace iq4_nl

namespace {

using Search = HalfScaleSearch<iq4_nl::Block, Iq4Grid, iq4_nl::RoundBlock>;
NIBBLE_CODEC_FUNCTIONS(iq4_nl::DecodeBlock, iq4_nl::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(iq4_nl)
