// Which linears of a layer vLLM multiplies as one: it loads them only if they have one type.
#ifndef NIBBLE_PIPELINE_TYPES_FUSED_LINEARS_H_
#define NIBBLE_PIPELINE_TYPES_FUSED_LINEARS_H_

#include <cstdint>
#include <optional>
#include <tuple>

#include "model/logical_tensor.h"

namespace nibble {

// Tensors with the same have to be of one type in a folder. Ordered; otherwise meaningless.
using FusedKey = std::tuple<int64_t, int>;

// Queries, keys and values; gate and up, of a dense layer and of shared experts; the latents of latent attention; and
// all routed experts of a model. Nothing: the tensor stands alone.
std::optional<FusedKey> FusedWith(const LogicalTensor& tensor);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TYPES_FUSED_LINEARS_H_
