// All code that is written for lanes (lanes.h), in vectors: included after hwy/foreach_target.h, once per instruction
// set.
#if defined(NIBBLE_QUANT_BLOCK_SIMD_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef NIBBLE_QUANT_BLOCK_SIMD_H_
#undef NIBBLE_QUANT_BLOCK_SIMD_H_
#else
#define NIBBLE_QUANT_BLOCK_SIMD_H_
#endif

#include "quant/block/affine_search.h"
#include "quant/block/block_run.h"
#include "quant/block/e2m1_search.h"
#include "quant/block/grid.h"
#include "quant/block/int4_search.h"
#include "quant/block/iq4.h"
#include "quant/block/k_affine_search.h"
#include "quant/block/lanes-inl.h"
#include "quant/block/rows.h"
#include "quant/block/scale_search.h"
#include "quant/block/super_scale.h"

// The three functions of a format table's row, for one instruction set, of what the row's format has for a block.
#undef NIBBLE_CODEC_FUNCTIONS
#define NIBBLE_CODEC_FUNCTIONS(decode_block, plain_block, Search)                                    \
  void RunDecode(const std::byte* in, size_t blocks, float* out) {                                   \
    DecodeRun<Search::Block, decode_block>(in, blocks, out);                                         \
  }                                                                                                  \
  void RunEncodeRtn(const float* values, size_t blocks, std::byte* out) {                            \
    EncodeRun<Search::Block, plain_block>(values, blocks, out);                                      \
  }                                                                                                  \
  void RunEncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out) { \
    EncodeBestRun<Search, decode_block, plain_block>(values, weights, blocks, out);                  \
  }

// And the functions themselves, in the format's namespace `ns`, which call those of the machine's best set.
#undef NIBBLE_CODEC_DISPATCH
#if HWY_ONCE
#define NIBBLE_CODEC_DISPATCH(ns)                                                                     \
  namespace nibble {                                                                                  \
  HWY_EXPORT(RunDecode);                                                                              \
  HWY_EXPORT(RunEncodeRtn);                                                                           \
  HWY_EXPORT(RunEncodeWeighted);                                                                      \
  void ns::Decode(const std::byte* in, size_t blocks, float* out) {                                   \
    HWY_DYNAMIC_DISPATCH(RunDecode)(in, blocks, out);                                                 \
  }                                                                                                   \
  void ns::EncodeRtn(const float* values, size_t blocks, std::byte* out) {                            \
    HWY_DYNAMIC_DISPATCH(RunEncodeRtn)(values, blocks, out);                                          \
  }                                                                                                   \
  void ns::EncodeWeighted(const float* values, const float* weights, size_t blocks, std::byte* out) { \
    HWY_DYNAMIC_DISPATCH(RunEncodeWeighted)(values, weights, blocks, out);                            \
  }                                                                                                   \
  }
#else
#define NIBBLE_CODEC_DISPATCH(ns)
#endif

HWY_BEFORE_NAMESPACE();
namespace nibble {
namespace HWY_NAMESPACE {
// Each uses those before it.
// clang-format off
#include "quant/block/rounding.inc"
#include "quant/block/extremes.inc"
#include "quant/block/fold_sum.inc"
#include "quant/block/normalized.inc"
#include "quant/block/grid.inc"
#include "quant/block/iq4.inc"
#include "quant/block/rows-simd.inc"
#include "quant/block/scale_search.inc"
#include "quant/block/super_scale.inc"
#include "quant/block/affine_search.inc"
#include "quant/block/k_affine.inc"
#include "quant/block/k_affine_search.inc"
#include "quant/block/e2m1_search.inc"
#include "quant/block/int4_search.inc"
#include "quant/block/block_run.inc"
// clang-format on
}  // namespace HWY_NAMESPACE
}  // namespace nibble
HWY_AFTER_NAMESPACE();

#endif
