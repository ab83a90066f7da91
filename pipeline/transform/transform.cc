#include "pipeline/transform/transform.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "converters/family.h"
#include "model/tensor_list.h"
#include "pipeline/transform/folds.h"
#include "pipeline/transform/model_editor.h"
#include "pipeline/types/stored_formats.h"

namespace nibble {
namespace {

struct TransformRow {
  absl::string_view name;
  bool needs_statistics;
  absl::Status (*fold)(const FoldJob& job);
};

// In the order in which they are applied: gains that one transform moves away, a later one may set anew.
constexpr TransformRow kTransforms[] = {
    {"hadamard", false, FoldHadamardStream},
    {"values", false, FoldValues},
    {"awq", true, FoldAwq},
};

const TransformRow* Find(absl::string_view name) {
  for (const TransformRow& row : kTransforms) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

absl::Status BadText(absl::string_view found) {
  return absl::InvalidArgumentError(absl::StrCat("--transform: expected none, or some of ",
                                                 absl::StrJoin(TransformNames(), ", "),
                                                 " with '+' between, each once, found \"", found, "\""));
}

}  // namespace

std::vector<absl::string_view> TransformNames() {
  std::vector<absl::string_view> names;
  for (const TransformRow& row : kTransforms) names.push_back(row.name);
  return names;
}

absl::StatusOr<std::vector<Transform>> ParseTransforms(absl::string_view text) {
  std::vector<Transform> transforms;
  if (text == "none") return transforms;
  for (const absl::string_view part : absl::StrSplit(text, '+')) {
    const std::pair<absl::string_view, absl::string_view> named = absl::StrSplit(part, absl::MaxSplits('=', 1));
    Transform transform{.name = std::string(named.first)};
    const TransformRow* row = Find(transform.name);
    if (row == nullptr) return BadText(text);
    const bool has_alpha = part.size() > transform.name.size();
    const bool is_alpha =
        absl::SimpleAtod(named.second, &transform.alpha) && 0 <= transform.alpha && transform.alpha <= 1;
    if (has_alpha && !(row->needs_statistics && is_alpha)) return BadText(text);
    if (!has_alpha) transform.alpha = Transform().alpha;
    transforms.push_back(std::move(transform));
  }
  const auto place = [](const Transform& transform) { return Find(transform.name); };
  std::sort(transforms.begin(), transforms.end(),
            [&](const Transform& a, const Transform& b) { return place(a) < place(b); });
  const auto twice = std::adjacent_find(transforms.begin(), transforms.end(),
                                        [&](const Transform& a, const Transform& b) { return place(a) == place(b); });
  if (twice != transforms.end()) return BadText(text);
  return transforms;
}

std::string TransformsText(const std::vector<Transform>& transforms) {
  if (transforms.empty()) return "none";
  return absl::StrJoin(transforms, "+", [](std::string* text, const Transform& transform) {
    absl::StrAppend(text, transform.name);
    if (NeedsStatistics(transform)) absl::StrAppend(text, "=", transform.alpha);
  });
}

bool NeedsStatistics(const Transform& transform) { return Find(transform.name)->needs_statistics; }

absl::StatusOr<Model> FoldTransform(const Model& model, const Transform& transform, const imatrix::File* statistics,
                                    const FoldOptions& options, std::vector<std::string>& notes) {
  ModelEditor editor(model);
  NIBBLE_RETURN_IF_ERROR(Find(transform.name)->fold({transform, statistics, options, editor, notes}));
  return editor.Finish();
}

absl::StatusOr<std::vector<Transform>> TransformsThatFold(const Model& model, const FoldOptions& options) {
  std::vector<Transform> transforms;
  for (const TransformRow& row : kTransforms) {
    Transform transform{.name = std::string(row.name)};
    std::vector<std::string> notes;
    const absl::Status status = FoldTransform(model, transform, nullptr, options, notes).status();
    if (status.ok()) transforms.push_back(std::move(transform));
    if (!status.ok() && !absl::IsInvalidArgument(status)) return status;
  }
  return transforms;
}

absl::Status DoesNotFold(const FoldJob& job, absl::string_view expected, absl::string_view found) {
  return absl::InvalidArgumentError(absl::StrCat("--transform ", job.transform.name, ": expected a model ", expected,
                                                 ", found ", found, " (", job.editor.original().path, ")"));
}

std::string KeptInFourBits(const FoldJob& job, Role role, int layer) {
  const Model& model = job.editor.original();
  const TensorStack stack = model.tensors.Find(role, layer);
  if (stack.empty() || job.options.allow_requantize || !IsPublishedInFourBits(model, stack)) return "";
  return GgufName(stack[0]);
}

absl::Span<const NormReaders> LayerNorms() {
  static const auto* const kNorms = new std::vector<NormReaders>{
      {Role::kAttentionNorm,
       Role::kAttentionNormBias,
       true,
       {Role::kQueryKeyValue, Role::kQuery, Role::kKey, Role::kValue, Role::kQueryA, Role::kKeyValueA}},
      {Role::kFeedForwardNorm,
       Role::kFeedForwardNormBias,
       true,
       {Role::kRouter, Role::kGate, Role::kUp, Role::kSharedGate, Role::kSharedUp, Role::kExpertGate, Role::kExpertUp}},
      {Role::kQueryANorm, std::nullopt, false, {Role::kQueryB}},
  };
  return *kNorms;
}

}  // namespace nibble
