#include "model/role.h"

#include <cassert>
#include <cstddef>

namespace nibble {
namespace {

constexpr RoleInfo kRoles[] = {
    {Role::kTokenEmbedding, "token_embd.weight", false, false},
    {Role::kOutputNorm, "output_norm.weight", false, false},
    {Role::kOutput, "output.weight", false, false},
    {Role::kRopeFactors, "rope_freqs.weight", false, false},
    {Role::kAttentionNorm, "attn_norm.weight", true, false},
    {Role::kQuery, "attn_q.weight", true, true},
    {Role::kKey, "attn_k.weight", true, true},
    {Role::kValue, "attn_v.weight", true, true},
    {Role::kAttentionOutput, "attn_output.weight", true, true},
    {Role::kFeedForwardNorm, "ffn_norm.weight", true, false},
    {Role::kGate, "ffn_gate.weight", true, true},
    {Role::kUp, "ffn_up.weight", true, true},
    {Role::kDown, "ffn_down.weight", true, true},
    {Role::kQueryBias, "attn_q.bias", true, false},
    {Role::kKeyBias, "attn_k.bias", true, false},
    {Role::kValueBias, "attn_v.bias", true, false},
    {Role::kAttentionOutputBias, "attn_output.bias", true, false},
};

}  // namespace

absl::Span<const RoleInfo> Roles() { return kRoles; }

const RoleInfo& GetRole(Role role) {
  const RoleInfo& info = kRoles[static_cast<size_t>(role)];
  assert(info.id == role);
  return info;
}

}  // namespace nibble
