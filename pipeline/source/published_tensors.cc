#include "pipeline/source/published_tensors.h"

#include <cstdint>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "formats/tensor_source.h"

namespace nibble {

bool IsFromFolder(const Model& model) {
  const auto files = model.source.files();
  return !files.empty() && absl::EndsWith(files[0]->path(), ".safetensors");
}

std::string WeightName(const StridedView& view) {
  if (view.words) return absl::StrCat(absl::StripSuffix(view.tensor, "qweight"), "weight");
  return std::string(absl::StripSuffix(view.tensor, "_packed"));
}

std::optional<Format> PackedFormat(const LogicalTensor& tensor) {
  const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
  if (view == nullptr || !view->packed || !view->scales || !absl::EndsWith(view->tensor, "_packed"))
    return std::nullopt;
  const BlockScales& scales = *view->scales;
  const bool is_int4 = *view->packed == Format::kInt4, is_nvfp4 = !scales.divisor.empty();
  if (scales.block_rows != 1) return std::nullopt;
  if (is_int4 && scales.block_cols == 32) return Format::kINT4_G32;
  if (is_int4 && scales.block_cols == 128) return Format::kINT4_G128;
  if (is_int4) return std::nullopt;
  return is_nvfp4 ? Format::kNVFP4 : Format::kMXFP4;
}

PublishedTensors::PublishedTensors(const Model& model) : model_(model) {
  for (const LogicalTensor& tensor : model.tensors) {
    if (const StridedView* view = std::get_if<StridedView>(&tensor.recipe)) ++uses_[view->tensor];
  }
}

bool PublishedTensors::IsWhole(const LogicalTensor& tensor) const {
  const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
  if (view == nullptr || tensor.is_vector || view->add != 0) return false;
  const std::vector<int64_t> shape = ElementsShape(model_.source, *view);
  const bool is_weight = shape.size() == 2 && absl::EndsWith(WeightName(*view), ".weight");
  const bool has_whole_rows = view->cols.count == tensor.cols && view->cols.stride == 1;
  return is_weight && has_whole_rows && shape[0] == tensor.rows && uses_.at(view->tensor) == 1;
}

}  // namespace nibble
