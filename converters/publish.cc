#include "converters/publish.h"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "converters/dims.h"
#include "converters/layouts.h"
#include "formats/json/quote.h"

namespace nibble {
namespace {

constexpr absl::string_view kPackedBlocks = "_blocks";

const TensorRow& RowOf(const TensorTable& table, Role role) {
  const auto row = std::find_if(table.rows.begin(), table.rows.end(), [&](const TensorRow& candidate) {
    return candidate.role == role && !absl::EndsWith(candidate.published, kPackedBlocks);
  });
  assert(row != table.rows.end());
  return *row;
}

Placement PlacementOf(const TensorRow& row, const ModelSpec& spec, const LogicalTensor& tensor) {
  const bool is_per_slice = absl::StrContains(row.published, "{e}");
  Slot slot{spec, tensor.layer, Length(row.rows, spec, tensor.layer), Length(row.cols, spec, tensor.layer),
            row.cols == Dim::kNone};
  slot.slice = std::max(tensor.slice, 0);
  if (tensor.slice >= 0 && !is_per_slice) slot.slices = SliceCount(row.role, LayerOf(spec, tensor.layer));
  Placement placement = row.layout(slot);
  placement.view.tensor =
      absl::StrReplaceAll(row.published, {{"{}", absl::StrCat(tensor.layer)}, {"{e}", absl::StrCat(slot.slice)}});
  placement.view.add = row.add;
  return placement;
}

}  // namespace

Checkpoint LayOutCheckpoint(const TensorTable& table, const ModelSpec& spec, const TensorList& tensors) {
  Checkpoint checkpoint;
  absl::flat_hash_set<std::string> names;
  for (const LogicalTensor& tensor : tensors) {
    LogicalTensor& published = checkpoint.tensors.emplace_back(tensor);
    published.fold = nullptr;
    if (std::holds_alternative<Constants>(tensor.recipe)) continue;
    Placement placement = PlacementOf(RowOf(table, tensor.role), spec, tensor);
    if (names.insert(placement.view.tensor).second) {
      checkpoint.stored.push_back({.name = placement.view.tensor, .shape = std::move(placement.shape)});
    }
    published.recipe = std::move(placement.view);
  }
  return checkpoint;
}

void SetIdentity(absl::string_view architecture, absl::string_view model_type, const ModelSpec& spec,
                 json::Object& config) {
  config.SetArray("architectures", {json::Quote(architecture)});
  config.SetString("model_type", model_type);
  config.SetBool("tie_word_embeddings", spec.tied_embeddings());
}

bool HasRole(const TensorList& tensors, Role role) { return !tensors.Find(role, 0).empty(); }

}  // namespace nibble
