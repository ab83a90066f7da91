// What a tensor is for. One row per role: its standard GGUF name, and how it takes part in quantization.
#ifndef NIBBLE_MODEL_ROLE_H_
#define NIBBLE_MODEL_ROLE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace nibble {

enum class Role : uint8_t {
  kTokenEmbedding,
  kOutputNorm,
  kOutput,
  kRopeFactors,
  kAttentionNorm,
  kQuery,
  kKey,
  kValue,
  kAttentionOutput,
  kFeedForwardNorm,
  kGate,
  kUp,
  kDown,
  kQueryBias,
  kKeyBias,
  kValueBias,
  kAttentionOutputBias,
};

struct RoleInfo {
  Role id;
  absl::string_view gguf_name;  // "attn_q.weight"; per layer with "blk.N." in front
  bool per_layer;
  bool is_linear;  // a matrix of a layer that quantization is about: embedding, output and small tensors are not
};

const RoleInfo& GetRole(Role role);
absl::Span<const RoleInfo> Roles();

}  // namespace nibble

#endif  // NIBBLE_MODEL_ROLE_H_
