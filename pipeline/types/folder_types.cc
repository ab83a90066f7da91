#include "pipeline/types/folder_types.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/family.h"
#include "formats/dtype.h"
#include "model/logical_tensor.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "pipeline/source/publication.h"
#include "pipeline/source/published_tensors.h"
#include "pipeline/types/container.h"
#include "pipeline/types/converted_types.h"
#include "pipeline/types/stored_formats.h"
#include "pipeline/types/type_choices.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

class Chooser {
 public:
  Chooser(const Model& model, std::optional<Format> target, std::shared_ptr<const Publication> publication)
      : model_(model),
        target_(target),
        publication_(std::move(publication)),
        published_(publication_->model),
        is_gpt_oss_(model.spec.family() == kGptOssFamily) {}

  absl::StatusOr<TypeChoices> Choose(const std::string& name) {
    TypeChoices choices{.container = Container::kCompressedTensors, .name = name};
    choices.publication = publication_;
    const StoredFormats stored = FindStoredFormats(model_);
    for (size_t i = 0; i < stored.size(); ++i) {
      const LogicalTensor& tensor = model_.tensors.stacks()[i][0];
      const LogicalTensor& published = publication_->model.tensors.stacks()[i][0];
      NIBBLE_ASSIGN_OR_RETURN(TypeChoice choice, ChooseOne(tensor, published, stored[i]));
      if (is_gpt_oss_ && choice.format == Format::kMXFP4) choices.container = Container::kMxfp4;
      choices.each.push_back(std::move(choice));
    }
    NIBBLE_RETURN_IF_ERROR(CheckFusedTypes(model_, choices));
    return choices;
  }

 private:
  absl::StatusOr<TypeChoice> ChooseOne(const LogicalTensor& tensor, const LogicalTensor& published,
                                       std::optional<Format> stored) const {
    const StridedView* view = std::get_if<StridedView>(&published.recipe);
    if (view == nullptr) return TypeChoice{Format::kF32, true, ""};
    const bool is_matrix =
        GetRole(tensor.role).is_linear || tensor.role == Role::kTokenEmbedding || tensor.role == Role::kOutput;
    const bool is_converted = is_matrix && target_.has_value();
    if (stored && IsFloat(*stored)) {
      const Format format = is_converted ? *target_ : *stored;
      return TypeChoice{format, format == *stored && view->add == 0, ""};
    }
    if (stored && GetRole(tensor.role).is_linear) {
      if (const auto kept = KeptFormat(published, *stored)) return TypeChoice{*kept, true, std::string(kKeptBits)};
    }
    if (is_converted) return TypeChoice{*target_, false, absl::StrCat("decoded from ", SourceName(tensor))};
    return absl::UnimplementedError(
        absl::StrCat(model_.path, ": tensor '", GgufName(tensor), "': expected F32, F16, BF16",
                     GetRole(tensor.role).is_linear ? ", MXFP4, NVFP4 or Q4_0" : "", ", found ", SourceName(tensor),
                     ", which is not supported in a folder; --dtype bf16 decodes it"));
  }

  // What a folder has it in, with the same bits.
  std::optional<Format> KeptFormat(const LogicalTensor& published, Format stored) const {
    const bool is_whole = published_.IsWhole(published);
    if (stored == Format::kMXFP4 && (is_whole || (is_gpt_oss_ && GetRole(published.role).is_expert))) return stored;
    if (!is_whole || target_) return std::nullopt;
    if (stored == Format::kNVFP4) return stored;
    if (stored == Format::kQ4_0) return Format::kINT4_G32;
    return std::nullopt;
  }

  std::string SourceName(const LogicalTensor& tensor) const {
    const StridedView& view = std::get<StridedView>(tensor.recipe);
    return std::string(GetDType(model_.source.Find(view.tensor)->dtype).name);
  }

  const Model& model_;
  const std::optional<Format> target_;
  const std::shared_ptr<const Publication> publication_;
  const PublishedTensors published_;
  const bool is_gpt_oss_;
};

}  // namespace

absl::StatusOr<TypeChoices> ChooseFolderTypes(const Model& model, const std::string& dtype) {
  if (IsFromFolder(model)) {
    return absl::UnimplementedError(
        absl::StrCat(model.path,
                     ": expected a GGUF to make a folder of, found a folder, which is not supported; convert it to a "
                     "GGUF, or quantize it"));
  }
  NIBBLE_ASSIGN_OR_RETURN(const std::optional<Format> target, ConvertedDType(dtype));
  NIBBLE_ASSIGN_OR_RETURN(auto publication, Publish(model));
  return Chooser(model, target, std::move(publication)).Choose(dtype);
}

}  // namespace nibble
