// What a tensor is for. One row per role: its standard GGUF name, and how it takes part in quantization.
#ifndef NIBBLE_MODEL_ROLE_H_
#define NIBBLE_MODEL_ROLE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace nibble {

enum class Role : uint8_t {
  kTokenEmbedding,
  kPositionEmbedding,
  kOutputNorm,
  kOutputNormBias,
  kOutput,
  kRopeFactors,
  // attention
  kAttentionNorm,
  kAttentionNormBias,
  kQueryKeyValue,  // rows of queries, keys and values behind one another
  kQueryKeyValueBias,
  kQuery,
  kQueryBias,
  kQueryNorm,  // per head
  kKey,
  kKeyBias,
  kKeyNorm,  // per head
  kValue,
  kValueBias,
  kSinks,  // one logit per head
  kAttentionOutput,
  kAttentionOutputBias,
  kPostAttentionNorm,  // of what attention adds to the residual stream
  // latent attention
  kQueryA,  // hidden -> latent
  kQueryANorm,
  kQueryB,     // latent -> heads
  kKeyValueA,  // hidden -> latent, shared rope part
  kKeyValueANorm,
  kKeyB,    // a slice per head: [key_value_rank, nope length]
  kValueB,  // a slice per head: [value_length, key_value_rank]
  // feed-forward
  kFeedForwardNorm,
  kFeedForwardNormBias,
  kGate,
  kGateBias,
  kUp,
  kUpBias,
  kDown,
  kDownBias,
  kPostFeedForwardNorm,
  // mixture of experts: a slice per expert
  kRouter,
  kRouterBias,
  kExpertSelectionBias,  // added to the gates for choosing, not for weighing
  kExpertGate,
  kExpertGateBias,
  kExpertUp,
  kExpertUpBias,
  kExpertDown,
  kExpertDownBias,
  kSharedGate,
  kSharedUp,
  kSharedDown,
  // of prediction layers alone: what a layer's input is made of, and what its output goes through
  kPredictionProjection,  // [norm of the next token's embedding, norm of the hidden state] -> hidden
  kPredictionEmbeddingNorm,
  kPredictionHiddenNorm,
  kPredictionEmbedding,
  kPredictionOutput,
  kPredictionOutputNorm,
};

struct RoleInfo {
  Role id;
  absl::string_view gguf_name;  // "attn_q.weight"; per layer with "blk.N." in front
  bool per_layer;
  bool is_linear;  // a matrix of a layer that quantization is about: embedding, output and small tensors are not
  bool is_expert;  // of routed experts
};

const RoleInfo& GetRole(Role role);
absl::Span<const RoleInfo> Roles();

}  // namespace nibble

#endif  // NIBBLE_MODEL_ROLE_H_
