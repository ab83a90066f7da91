#include "pipeline/types/fused_linears.h"

#include <algorithm>
#include <iterator>

#include "model/role.h"

namespace nibble {
namespace {

struct FusedRole {
  Role role;
  int set;
};

// vLLM's names: qkv_proj, gate_up_proj, its shared_experts', fused_qkv_a_proj.
constexpr FusedRole kFused[] = {{Role::kQuery, 0},    {Role::kKey, 0},    {Role::kValue, 0},
                                {Role::kGate, 1},     {Role::kUp, 1},     {Role::kSharedGate, 2},
                                {Role::kSharedUp, 2}, {Role::kQueryA, 3}, {Role::kKeyValueA, 3}};
constexpr FusedKey kExperts = {-1, 4};

}  // namespace

std::optional<FusedKey> FusedWith(const LogicalTensor& tensor) {
  const RoleInfo& role = GetRole(tensor.role);
  if (!role.is_linear) return std::nullopt;
  if (role.is_expert) return kExperts;
  const auto* fused =
      std::find_if(std::begin(kFused), std::end(kFused), [&](const FusedRole& row) { return row.role == role.id; });
  if (fused == std::end(kFused)) return std::nullopt;
  return FusedKey{tensor.layer, fused->set};
}

}  // namespace nibble
