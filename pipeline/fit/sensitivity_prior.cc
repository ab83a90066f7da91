#include "pipeline/fit/sensitivity_prior.h"

#include <algorithm>
#include <iterator>

#include "model/role.h"

namespace nibble {
namespace {

// Of all layers' tensors of the role together.
struct RoleRow {
  Role role;
  double sensitivity;
};
constexpr RoleRow kRoles[] = {
    {Role::kTokenEmbedding, .7}, {Role::kOutput, 8.7},          {Role::kQuery, 1.9},     {Role::kKey, 2},
    {Role::kValue, 28},          {Role::kQueryKeyValue, 32},    {Role::kQueryA, 1.9},    {Role::kQueryB, 1.9},
    {Role::kKeyValueA, 30},      {Role::kAttentionOutput, 1.8}, {Role::kGate, 6.3},      {Role::kUp, 13},
    {Role::kDown, 12},           {Role::kExpertGate, 6.3},      {Role::kExpertUp, 13},   {Role::kExpertDown, 12},
    {Role::kSharedGate, 6.3},    {Role::kSharedUp, 13},         {Role::kSharedDown, 12},
};
constexpr double kLastLayer = 3;  // times as much as another layer: nothing behind it makes up for what it loses
constexpr double kOfOther = 2;    // roles, those of prediction layers

}  // namespace

double PriorOfAll(Role role) {
  const auto row = std::find_if(std::begin(kRoles), std::end(kRoles), [&](const RoleRow& r) { return r.role == role; });
  return row == std::end(kRoles) ? kOfOther : row->sensitivity;
}

double PriorSensitivity(const Model& model, const LogicalTensor& tensor) {
  if (tensor.layer < 0) {
    const bool is_tied = tensor.role == Role::kTokenEmbedding && model.spec.tied_embeddings();
    return PriorOfAll(tensor.role) + (is_tied ? PriorOfAll(Role::kOutput) : 0);
  }
  const int layers = model.spec.layers_size();
  const double share = tensor.layer == layers - 1 ? kLastLayer : 1;
  return PriorOfAll(tensor.role) * share / (layers - 1 + kLastLayer);
}

}  // namespace nibble
