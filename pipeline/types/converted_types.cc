#include "pipeline/types/converted_types.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "model/tensor_list.h"
#include "pipeline/types/stored_formats.h"
#include "pipeline/types/type_table.h"

namespace nibble {
namespace {

// What the file as a whole is called: MXFP4, as llama.cpp has it, if a tensor keeps it; else what most elements have.
Format NameOfAll(absl::Span<const TensorStack> stacks, const std::vector<TypeChoice>& choices) {
  absl::flat_hash_map<Format, int64_t> elements;
  Format commonest = Format::kF32;
  for (size_t i = 0; i < choices.size(); ++i) {
    const Format format = choices[i].format;
    if (format == Format::kMXFP4) return format;
    elements[format] += stacks[i].size() * stacks[i][0].rows * stacks[i][0].cols;
    if (elements[format] > elements[commonest]) commonest = format;
  }
  return commonest;
}

TypeChoice Converted(const Model& model, TensorStack slices, std::optional<Format> target) {
  if (!IsMatrix(slices[0])) return {};
  const std::optional<Format> stored = StoredFormat(model, slices);
  // MXFP4 is how a model is published, not how somebody shrank it: llama.cpp's converter keeps it as well.
  const bool keep = stored && (!target || *stored == *target || *stored == Format::kMXFP4);
  if (keep) return {*stored, true, IsFloat(*stored) ? "" : std::string(kKeptBits)};
  return {target ? *target : FloatFor(model, slices[0]), false, ""};
}

}  // namespace

absl::StatusOr<TypeChoices> ChooseConvertedTypes(const Model& model, const std::string& dtype) {
  NIBBLE_ASSIGN_OR_RETURN(const std::optional<Format> target, ConvertedDType(dtype));
  TypeChoices choices{.name = dtype};
  const absl::Span<const TensorStack> stacks = model.tensors.stacks();
  for (const TensorStack slices : stacks) choices.each.push_back(Converted(model, slices, target));
  choices.file_type = TypeOf(NameOfAll(stacks, choices.each)).file_type;
  return choices;
}

absl::StatusOr<std::optional<Format>> ConvertedDType(const std::string& dtype) {
  constexpr std::pair<absl::string_view, std::optional<Format>> kDTypes[] = {
      {"source", std::nullopt}, {"bf16", Format::kBF16}, {"f16", Format::kF16}, {"f32", Format::kF32}};
  for (const auto& [name, target] : kDTypes) {
    if (name == dtype) return target;
  }
  return absl::InvalidArgumentError(absl::StrCat("--dtype: expected source, bf16, f16 or f32, found \"", dtype, "\""));
}

}  // namespace nibble
