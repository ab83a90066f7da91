#include "quant/block/nvfp4.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "quant/block/nvfp4.cc"
#include "hwy/foreach_target.h"
#include "quant/block/simd.h"

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
namespace nvfp4 {
using namespace nibble::nvfp4;
#include "quant/block/nvfp4.inc"
}  // namespace nvfp4

namespace {

using Search = UE4M3Search<nvfp4::Block, nvfp4::RoundBlock>;
NIBBLE_CODEC_FUNCTIONS(nvfp4::DecodeBlock, nvfp4::PlainBlock, Search)

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

NIBBLE_CODEC_DISPATCH(nvfp4)
