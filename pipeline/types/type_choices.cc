#include "pipeline/types/type_choices.h"

#include <cstddef>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "converters/family.h"
#include "model/tensor_list.h"

namespace nibble {

absl::Status CheckFusedTypes(const Model& model, const TypeChoices& choices) {
  absl::flat_hash_map<absl::string_view, size_t> first;  // by published name
  const absl::Span<const TensorStack> published = choices.publication->model.tensors.stacks();
  for (size_t i = 0; i < published.size(); ++i) {
    const StridedView* view = std::get_if<StridedView>(&published[i][0].recipe);
    if (view == nullptr) continue;
    const size_t other = first.emplace(view->tensor, i).first->second;
    const Format expected = choices.each[other].format, found = choices.each[i].format;
    if (expected == found) continue;
    return absl::UnimplementedError(absl::StrCat(
        model.path, ": tensors '", GgufName(published[other][0]), "' and '", GgufName(published[i][0]),
        "': expected one type, as they are published in one tensor, found ", GetFormat(expected).name, " and ",
        GetFormat(found).name, ", which is not supported in a folder; convert --dtype bf16 makes them alike"));
  }
  return absl::OkStatus();
}

}  // namespace nibble
