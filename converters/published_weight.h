// A published weight and what belongs to it: elements as floats, as FP8 with scales, as packed 4-bit codes with scales,
// or as integers in words with scales and zero points, each under the names that its publishers give to the parts.
//
//   name                 found                            scales
//   x.weight             floats                           none
//   x.weight             F8_E4M3, F8_E5M2                 x.weight_scale_inv, x.weight_scale, x.qscale_weight
//   x.weight             I32 x.weight_packed (and         x.weight_scale
//                        x.weight_shape)
//   x.weight             U8 x.weight_packed               U8 x.weight_scale (MXFP4), or F8_E4M3, which
//                                                         x.weight_global_scale divides (NVFP4)
//   x.weight             I32 x.qweight (GPTQ, AWQ)        x.scales, I32 x.qzeros, and I32 x.g_idx if it is there
//   x                    U8 x_blocks, or x.blocks         x_scales, or x.scales
//   x_blocks             U8                               x_scales
#ifndef NIBBLE_CONVERTERS_PUBLISHED_WEIGHT_H_
#define NIBBLE_CONVERTERS_PUBLISHED_WEIGHT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "converters/published_names.h"
#include "formats/tensor_source.h"
#include "model/logical_tensor.h"
#include "quant/block/format.h"

namespace nibble {

struct PublishedWeight {
  const StoredTensor* stored = nullptr;
  std::vector<int64_t> shape;  // in elements
  std::optional<Format> packed;
  std::string scales_name;                     // as it should be found; empty: it needs none
  const StoredTensor* scales = nullptr;        // null also if it is missing
  const StoredTensor* divisor = nullptr;       // of the scales, where there is one
  const StoredTensor* shape_tensor = nullptr;  // says the shape a second time; not read
  // Of words. Where they cannot be together, `words` is empty and the shape that of the words.
  bool in_words = false;
  std::string zeros_name;
  const StoredTensor* zeros = nullptr;
  const StoredTensor* groups = nullptr;
  std::optional<WordCodes> words;

  // The scales in the form that views have; nothing if their shape fits no block that checkpoints use.
  std::optional<BlockScales> Blocks() const;
};

// Nothing if no tensor of that name is there, in any form.
std::optional<PublishedWeight> FindWeight(const PublishedNames& names, absl::string_view name);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_PUBLISHED_WEIGHT_H_
