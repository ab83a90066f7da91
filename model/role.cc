#include "model/role.h"

#include <cassert>
#include <cstddef>

namespace nibble {
namespace {

constexpr RoleInfo OfModel(Role role, absl::string_view gguf_name) { return {role, gguf_name, false, false, false}; }
constexpr RoleInfo Small(Role role, absl::string_view gguf_name) { return {role, gguf_name, true, false, false}; }
constexpr RoleInfo Linear(Role role, absl::string_view gguf_name) { return {role, gguf_name, true, true, false}; }
constexpr RoleInfo Expert(Role role, absl::string_view gguf_name) { return {role, gguf_name, true, true, true}; }
constexpr RoleInfo ExpertBias(Role role, absl::string_view gguf_name) { return {role, gguf_name, true, false, true}; }

// In the enum's order.
constexpr RoleInfo kRoles[] = {
    OfModel(Role::kTokenEmbedding, "token_embd.weight"),
    OfModel(Role::kPositionEmbedding, "position_embd.weight"),
    OfModel(Role::kOutputNorm, "output_norm.weight"),
    OfModel(Role::kOutputNormBias, "output_norm.bias"),
    OfModel(Role::kOutput, "output.weight"),
    OfModel(Role::kRopeFactors, "rope_freqs.weight"),
    Small(Role::kAttentionNorm, "attn_norm.weight"),
    Small(Role::kAttentionNormBias, "attn_norm.bias"),
    Linear(Role::kQueryKeyValue, "attn_qkv.weight"),
    Small(Role::kQueryKeyValueBias, "attn_qkv.bias"),
    Linear(Role::kQuery, "attn_q.weight"),
    Small(Role::kQueryBias, "attn_q.bias"),
    Small(Role::kQueryNorm, "attn_q_norm.weight"),
    Linear(Role::kKey, "attn_k.weight"),
    Small(Role::kKeyBias, "attn_k.bias"),
    Small(Role::kKeyNorm, "attn_k_norm.weight"),
    Linear(Role::kValue, "attn_v.weight"),
    Small(Role::kValueBias, "attn_v.bias"),
    Small(Role::kSinks, "attn_sinks.weight"),
    Linear(Role::kAttentionOutput, "attn_output.weight"),
    Small(Role::kAttentionOutputBias, "attn_output.bias"),
    Small(Role::kPostAttentionNorm, "post_attention_norm.weight"),
    Linear(Role::kQueryA, "attn_q_a.weight"),
    Small(Role::kQueryANorm, "attn_q_a_norm.weight"),
    Linear(Role::kQueryB, "attn_q_b.weight"),
    Linear(Role::kKeyValueA, "attn_kv_a_mqa.weight"),
    Small(Role::kKeyValueANorm, "attn_kv_a_norm.weight"),
    Linear(Role::kKeyB, "attn_k_b.weight"),
    Linear(Role::kValueB, "attn_v_b.weight"),
    Small(Role::kFeedForwardNorm, "ffn_norm.weight"),
    Small(Role::kFeedForwardNormBias, "ffn_norm.bias"),
    Linear(Role::kGate, "ffn_gate.weight"),
    Small(Role::kGateBias, "ffn_gate.bias"),
    Linear(Role::kUp, "ffn_up.weight"),
    Small(Role::kUpBias, "ffn_up.bias"),
    Linear(Role::kDown, "ffn_down.weight"),
    Small(Role::kDownBias, "ffn_down.bias"),
    Small(Role::kPostFeedForwardNorm, "post_ffw_norm.weight"),
    Small(Role::kRouter, "ffn_gate_inp.weight"),
    Small(Role::kRouterBias, "ffn_gate_inp.bias"),
    Small(Role::kExpertSelectionBias, "exp_probs_b.bias"),
    Expert(Role::kExpertGate, "ffn_gate_exps.weight"),
    ExpertBias(Role::kExpertGateBias, "ffn_gate_exps.bias"),
    Expert(Role::kExpertUp, "ffn_up_exps.weight"),
    ExpertBias(Role::kExpertUpBias, "ffn_up_exps.bias"),
    Expert(Role::kExpertDown, "ffn_down_exps.weight"),
    ExpertBias(Role::kExpertDownBias, "ffn_down_exps.bias"),
    Linear(Role::kSharedGate, "ffn_gate_shexp.weight"),
    Linear(Role::kSharedUp, "ffn_up_shexp.weight"),
    Linear(Role::kSharedDown, "ffn_down_shexp.weight"),
    Linear(Role::kPredictionProjection, "nextn.eh_proj.weight"),
    Small(Role::kPredictionEmbeddingNorm, "nextn.enorm.weight"),
    Small(Role::kPredictionHiddenNorm, "nextn.hnorm.weight"),
    Linear(Role::kPredictionEmbedding, "nextn.embed_tokens.weight"),
    Linear(Role::kPredictionOutput, "nextn.shared_head_head.weight"),
    Small(Role::kPredictionOutputNorm, "nextn.shared_head_norm.weight"),
};

}  // namespace

absl::Span<const RoleInfo> Roles() { return kRoles; }

const RoleInfo& GetRole(Role role) {
  const RoleInfo& info = kRoles[static_cast<size_t>(role)];
  assert(info.id == role);
  return info;
}

}  // namespace nibble
