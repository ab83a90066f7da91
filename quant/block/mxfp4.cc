#include "quant/block/mxfp4.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/mxfp4.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace mxfp4 {
using namespace nibble::mxfp4;
#include "quant/block/mxfp4.inc"
}  // namespace mxfp4

namespace {

using Search = E8M0Search<mxfp4::Block, mxfp4::RoundBlock>;
NIBBLE_CODEC_FUNCTIONS(mxfp4::DecodeBlock, mxfp4::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(mxfp4)
