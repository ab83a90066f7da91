#include "pipeline/types/quantized_types.h"

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <regex>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "converters/family.h"
#include "model/logical_tensor.h"
#include "model/role.h"
#include "model/tensor_list.h"
#include "pipeline/source/publication.h"
#include "pipeline/source/published_tensors.h"
#include "pipeline/types/container.h"
#include "pipeline/types/fused_linears.h"
#include "pipeline/types/stored_formats.h"
#include "pipeline/types/type_choices.h"
#include "pipeline/types/type_table.h"

namespace nibble {
namespace {

constexpr absl::string_view kBlocks = "_blocks";
constexpr absl::string_view kWords = "GPTQ or AWQ";  // whose values no other format holds

bool IsExpert(const LogicalTensor& tensor) { return GetRole(tensor.role).is_expert && GetRole(tensor.role).is_linear; }

bool IsOutput(const Model& model, const LogicalTensor& tensor) {
  return tensor.role == Role::kOutput || (tensor.role == Role::kTokenEmbedding && model.spec.tied_embeddings());
}

// The format of the same kind with smaller blocks, where there is one (llama.cpp's choices), else F16.
Format Fallback(Format format, int64_t cols) {
  constexpr std::pair<Format, Format> kSmaller[] = {{Format::kQ4_K, Format::kQ5_0},
                                                    {Format::kQ5_K, Format::kQ5_1},
                                                    {Format::kQ6_K, Format::kQ8_0},
                                                    {Format::kIQ4_XS, Format::kIQ4_NL},
                                                    {Format::kINT4_G128, Format::kINT4_G32}};
  for (const auto& [large, small] : kSmaller) {
    if (format == large && cols % GetFormat(small).block_elements == 0) return small;
  }
  return Format::kF16;
}

absl::StatusOr<const NamedType*> Known(absl::string_view option, absl::string_view name) {
  const NamedType* type = FindType(name);
  if (type == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": expected one of ", absl::StrJoin(TypeNames(), ", "), ", found \"", name, "\""));
  }
  if (!CanEncode(*type)) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": expected a type that can be written, found ", type->name, ", which is only read"));
  }
  return type;
}

// An option that gives the type of single tensors: a format, not a mix. Nothing if the option is empty.
absl::StatusOr<std::optional<Format>> KnownFormat(absl::string_view option, absl::string_view name) {
  if (name.empty()) return std::nullopt;
  NIBBLE_ASSIGN_OR_RETURN(const NamedType* type, Known(option, name));
  if (!type->is_mix) return type->format;
  return absl::InvalidArgumentError(absl::StrCat(option, ": expected a format, found the mix ", type->name));
}

// One --tensor-type.
struct Override {
  std::string pattern;
  std::regex regex;
  Format format;
  bool matched = false;
};

absl::StatusOr<std::vector<Override>> ParseOverrides(const TypeOptions& options) {
  std::vector<Override> overrides;
  for (const auto& [pattern, name] : options.tensor_types) {
    NIBBLE_ASSIGN_OR_RETURN(const std::optional<Format> format, KnownFormat("--tensor-type", name));
    if (!format) return absl::InvalidArgumentError("--tensor-type: expected REGEX=TYPE, found no type");
    try {
      overrides.push_back({pattern, std::regex(pattern), *format});
    } catch (const std::regex_error& error) {
      return absl::InvalidArgumentError(
          absl::StrCat("--tensor-type: expected a regular expression, found \"", pattern, "\": ", error.what()));
    }
  }
  return overrides;
}

class Chooser {
 public:
  // `wishes`: one per stack, or empty.
  Chooser(const Model& model, const StoredFormats& stored, const TypeOptions& options, const WishedTypes& wishes)
      : model_(model), stored_(stored), options_(options), wishes_(wishes) {
    for (const Layer& layer : model.spec.layers()) has_experts_ |= layer.feed_forward().has_experts();
  }

  absl::StatusOr<TypeChoices> Choose() {
    NIBBLE_RETURN_IF_ERROR(Parse());
    NIBBLE_RETURN_IF_ERROR(CheckContainer());
    TypeChoices choices{
        .container = options_.container, .name = std::string(type_->name), .file_type = type_->file_type};
    for (size_t i = 0; i < stored_.size(); ++i) {
      wish_ = wishes_.empty() || !wishes_[i] ? nullptr : &*wishes_[i];
      if (publication_ != nullptr) published_tensor_ = &publication_->model.tensors.stacks()[i][0];
      NIBBLE_ASSIGN_OR_RETURN(TypeChoice choice, ChooseOne(model_.tensors.stacks()[i][0], stored_[i]));
      if (const auto key = FusedWith(model_.tensors.stacks()[i][0])) fused_formats_[*key].insert(choice.format);
      choices.each.push_back(std::move(choice));
    }
    for (const Override& override : overrides_) {
      if (!override.matched) {
        return absl::InvalidArgumentError(
            absl::StrCat("--tensor-type: expected a pattern that a matrix of the model matches, found \"",
                         override.pattern, "\"; 'nibble plan' lists their names"));
      }
    }
    choices.publication = publication_;
    if (publication_ != nullptr) NIBBLE_RETURN_IF_ERROR(CheckFusedTypes(model_, choices));
    choices.warnings = Warnings();
    if (IsFolder() && packed_ == 0) {
      return absl::UnimplementedError(absl::StrCat(
          model_.path, ": expected linears that are published as [out, in], found none, which is not supported"));
    }
    return choices;
  }

 private:
  absl::Status Parse() {
    NIBBLE_ASSIGN_OR_RETURN(type_, Known("--type", options_.type));
    NIBBLE_ASSIGN_OR_RETURN(embedding_, KnownFormat("--token-embedding-type", options_.token_embedding_type));
    NIBBLE_ASSIGN_OR_RETURN(output_, KnownFormat("--output-tensor-type", options_.output_tensor_type));
    NIBBLE_ASSIGN_OR_RETURN(overrides_, ParseOverrides(options_));
    return absl::OkStatus();
  }

  bool IsFolder() const { return options_.container != Container::kGguf; }

  absl::Status CheckContainer() {
    NIBBLE_RETURN_IF_ERROR(CheckFormat("--type", *type_));
    for (const Override& override : overrides_) {
      if (IsFolder() && IsFloat(override.format)) continue;  // as it is published
      NIBBLE_RETURN_IF_ERROR(CheckFormat("--tensor-type", TypeOf(override.format)));
    }
    if (!IsFolder()) {
      if (embedding_) NIBBLE_RETURN_IF_ERROR(CheckFormat("--token-embedding-type", TypeOf(*embedding_)));
      if (output_) NIBBLE_RETURN_IF_ERROR(CheckFormat("--output-tensor-type", TypeOf(*output_)));
      return absl::OkStatus();
    }
    if (std::any_of(model_.tensors.begin(), model_.tensors.end(),
                    [](const LogicalTensor& tensor) { return tensor.fold != nullptr; })) {
      // What is not a linear is copied there from the source, which knows nothing of the transform.
      return absl::InvalidArgumentError("--transform: expected a GGUF to be written, found a folder");
    }
    if (options_.pure || embedding_ || output_) {
      return absl::InvalidArgumentError(
          "--pure, --token-embedding-type, --output-tensor-type: expected a GGUF to be written, found a folder, where "
          "embedding and output stay as they are published");
    }
    if (!IsFromFolder(model_)) {
      NIBBLE_ASSIGN_OR_RETURN(publication_, Publish(model_));
    }
    if (options_.container == Container::kMxfp4) return CheckMxfp4();
    published_.emplace(publication_ == nullptr ? model_ : publication_->model);
    for (const LogicalTensor& tensor : model_.tensors) {
      if (IsExpert(tensor)) expert_cols_ = std::gcd(expert_cols_, tensor.cols);
    }
    return absl::OkStatus();
  }

  // What only gpt-oss is published as, and what its loaders take for granted.
  absl::Status CheckMxfp4() const {
    if (!overrides_.empty()) {
      return absl::InvalidArgumentError(
          "--tensor-type: expected none beside --format mxfp4, where experts are MXFP4 and everything else stays as it "
          "is published, found one");
    }
    if (model_.spec.family() != kGptOssFamily) {
      return absl::UnimplementedError(absl::StrCat(model_.path, ": expected gpt-oss for --format mxfp4, found ",
                                                   model_.spec.family(),
                                                   ", which is not supported; use --format compressed-tensors"));
    }
    for (const LogicalTensor& tensor : publication_ == nullptr ? model_.tensors : publication_->model.tensors) {
      if (!IsExpert(tensor)) continue;
      const StridedView& view = std::get<StridedView>(tensor.recipe);
      const bool is_named = absl::EndsWith(absl::StripSuffix(view.tensor, kBlocks), "_proj");
      if (is_named && tensor.cols % GetFormat(Format::kMXFP4).block_elements == 0) continue;
      return absl::UnimplementedError(
          absl::StrCat(model_.path, ": tensor '", view.tensor, "': expected experts ",
                       is_named ? "of rows of whole blocks of 32" : "under Hugging Face's names",
                       ", found others, which is not supported in a folder"));
    }
    return absl::OkStatus();
  }

  // Of a folder: in the float that the source is, or that holds its values. Where its bits are kept, they are copied.
  TypeChoice AsPublished(const LogicalTensor& tensor, std::optional<Format> stored) const {
    const Format format = FloatFor(model_, tensor);
    if (publication_ == nullptr) return {format, !IsCoded(std::get<StridedView>(tensor.recipe)), ""};
    return {format, stored == format && std::get<StridedView>(published_tensor_->recipe).add == 0, ""};
  }

  // The format whose codes it keeps, if it is not to be another.
  std::optional<Format> PackedAlready(const LogicalTensor& tensor, std::optional<Format> stored) const {
    if (publication_ == nullptr) return PackedFormat(tensor);
    const bool is_packed = stored == Format::kMXFP4 || stored == Format::kNVFP4;
    return is_packed && published_->IsWhole(*published_tensor_) ? stored : std::nullopt;
  }

  // Of such a folder.
  TypeChoice ChooseForMxfp4(const LogicalTensor& tensor, std::optional<Format> stored) {
    const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
    if (view == nullptr) return {Format::kF32, true, ""};
    if (!IsExpert(tensor)) return AsPublished(tensor, stored);
    ++packed_;
    const bool keeps = publication_ == nullptr ? view->packed.has_value() : stored == Format::kMXFP4;
    if (keeps) return {Format::kMXFP4, true, std::string(kKeptBits)};
    return {Format::kMXFP4, false, ""};
  }

  absl::Status CheckFormat(absl::string_view option, const NamedType& type) const {
    if (CanHold(options_.container, type)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        option, ": expected one of ", absl::StrJoin(TypeNames(options_.container), ", "), " for a ",
        IsFolder() ? "folder" : "GGUF", ", found ", type.name, "; ",
        IsFolder() ? "for others name an output that ends in .gguf" : "for others name a folder as output"));
  }

  // Of a folder. What is not a linear stays as it is published, and so do linears that are no [out, in] of their own.
  absl::StatusOr<TypeChoice> ChooseForFolder(const LogicalTensor& tensor, std::optional<Format> stored) {
    const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
    if (view == nullptr) return TypeChoice{Format::kF32, true, ""};
    TypeChoice as_published = AsPublished(tensor, stored);
    if (!GetRole(tensor.role).is_linear) return as_published;
    const std::optional<Format> packed = PackedAlready(tensor, stored);
    TypeChoice choice = Wanted(tensor);
    if (packed && (*packed == choice.format || !options_.allow_requantize)) {
      ++packed_;
      return TypeChoice{*packed, true, std::string(kKeptBits)};
    }
    if (IsFloat(choice.format)) {
      as_published.reason = choice.reason;
      return as_published;
    }
    if (!published_->IsWhole(publication_ == nullptr ? tensor : *published_tensor_)) {
      if (!GetRole(tensor.role).is_expert) return as_published;
      return absl::UnimplementedError(absl::StrCat(model_.source.Place(*model_.source.Find(view->tensor)),
                                                   ": expected a weight [out, in] of each expert's own, "
                                                   "found another layout, which is not supported in a folder"));
    }
    if (packed || view->words) {
      CountAnew(packed ? GetFormat(*packed).name : kWords, choice);
    } else if (stored && !IsFloat(*stored) && publication_ != nullptr) {
      CountAnew(GetFormat(*stored).name, choice);
    }
    ++packed_;
    return FitRows(tensor, std::move(choice), stored);
  }

  absl::StatusOr<TypeChoice> ChooseOne(const LogicalTensor& tensor, std::optional<Format> stored) {
    if (options_.container == Container::kMxfp4) return ChooseForMxfp4(tensor, stored);
    if (IsFolder()) return ChooseForFolder(tensor, stored);
    if (!IsMatrix(tensor)) return TypeChoice();
    TypeChoice choice = Wanted(tensor);
    if (KeepBits(stored, choice)) return choice;
    const StridedView* view = std::get_if<StridedView>(&tensor.recipe);
    if (view != nullptr && view->words && !IsFloat(choice.format)) CountAnew(kWords, choice);
    return FitRows(tensor, std::move(choice), stored);
  }

  // The choice, or its fallback. All experts of a folder have one: the programs that load them have one scheme for all.
  absl::StatusOr<TypeChoice> FitRows(const LogicalTensor& tensor, TypeChoice choice, std::optional<Format> stored) {
    const uint32_t block = GetFormat(choice.format).block_elements;
    const int64_t cols = IsFolder() && IsExpert(tensor) ? expert_cols_ : tensor.cols;
    if (cols % block == 0) return choice;
    Format fallback = Fallback(choice.format, cols);
    if (IsFolder() && IsFloat(fallback)) {
      const TypeChoice as_published = AsPublished(tensor, stored);
      fallback = as_published.format;
      choice.keep_bits = as_published.keep_bits;
      --packed_;
    }
    choice.reason = absl::StrCat("fallback: rows of ",
                                 tensor.cols % block == 0 ? std::string("other experts") : absl::StrCat(tensor.cols),
                                 " are not whole blocks of ", GetFormat(choice.format).name, " (", block, ")");
    choice.format = fallback;
    ++fallbacks_;
    if (!options_.strict) return choice;
    return absl::InvalidArgumentError(absl::StrCat(model_.path, ": tensor '", GgufName(tensor), "': expected no ",
                                                   choice.reason, ", found one under --strict"));
  }

  // What options and table say, before the tensor's own form is looked at.
  TypeChoice Wanted(const LogicalTensor& tensor) {
    const std::string name = GgufName(tensor);
    Override* named = nullptr;
    for (Override& override : overrides_) {
      if (!std::regex_search(name, override.regex)) continue;
      override.matched = true;
      if (named == nullptr) named = &override;
    }
    if (tensor.role == Role::kTokenEmbedding && embedding_) return {*embedding_, false, "--token-embedding-type"};
    if (IsOutput(model_, tensor) && output_) return {*output_, false, "--output-tensor-type"};
    if (named != nullptr) return {named->format, false, absl::StrCat("--tensor-type ", named->pattern)};
    if (wish_ != nullptr) return {wish_->format, false, wish_->reason};
    if (options_.pure) return {type_->format, false, "", true};
    if (IsOutput(model_, tensor)) return Labelled(type_->output, "output");
    if (tensor.role == Role::kTokenEmbedding) return Labelled(type_->embedding, "embedding");
    for (const MixRule& rule : type_->rules) {
      if (rule.role == tensor.role && rule.applies({model_.spec, tensor.layer, model_.spec.layers_size()})) {
        return Labelled(rule.format, "mix");
      }
    }
    return {type_->format, false, "", true};
  }

  TypeChoice Labelled(Format format, absl::string_view reason) const {
    return {format, false, format == type_->format ? "" : std::string(reason), true};
  }

  // Whether the stored blocks stay, which changes the choice; counts what is encoded a second time.
  bool KeepBits(std::optional<Format> stored, TypeChoice& choice) {
    if (!stored) return false;
    const bool must_keep = IsFourBit(*stored) && !options_.allow_requantize;
    choice.keep_bits = *stored == choice.format || must_keep;
    if (choice.keep_bits && !IsFloat(*stored)) {
      choice = {*stored, true, std::string(kKeptBits), choice.is_open && !must_keep};
    }
    if (!choice.keep_bits && !IsFloat(*stored)) CountAnew(GetFormat(*stored).name, choice);
    return choice.keep_bits;
  }

  void CountAnew(absl::string_view from, TypeChoice& choice) {
    choice.reason = absl::StrCat("encoded anew from ", from);
    ++requantized_;
  }

  std::vector<std::string> Warnings() const {
    std::vector<std::string> warnings;
    if (fallbacks_ > 0) {
      warnings.push_back(
          absl::StrCat(fallbacks_, " tensors have rows that are not whole blocks: see their fallback types"));
    }
    if (requantized_ > 0) {
      warnings.push_back(
          absl::StrCat(requantized_, " tensors are encoded anew from quantized ones: the errors add up"));
    }
    if (IsFolder()) WarnOfFused(warnings);
    if (type_->name == "MXFP4_MOE" && !has_experts_)
      warnings.push_back("MXFP4_MOE means Q8_0 for a model without experts");
    return warnings;
  }

  void WarnOfFused(std::vector<std::string>& warnings) const {
    std::vector<std::string> linears;
    bool has_mixed_experts = false;
    for (const TensorStack slices : model_.tensors.stacks()) {
      const std::optional<FusedKey> key = FusedWith(slices[0]);
      if (!key || fused_formats_.at(*key).size() == 1) continue;
      has_mixed_experts |= IsExpert(slices[0]);
      if (!IsExpert(slices[0])) linears.push_back(GgufName(slices[0]));
    }
    if (has_mixed_experts) {
      warnings.push_back("the experts are of several types: transformers and vLLM load experts of one type");
    }
    if (linears.empty()) return;
    warnings.push_back(absl::StrCat("linears that vLLM fuses are of several types, with which it does not load them: ",
                                    linears.size(), ", as '", linears[0], "' and '", linears[1], "'"));
  }

  const Model& model_;
  const StoredFormats& stored_;
  const TypeOptions& options_;
  const WishedTypes& wishes_;
  const WishedType* wish_ = nullptr;  // of the stack that is looked at
  const NamedType* type_ = nullptr;
  std::optional<Format> embedding_, output_;
  std::vector<Override> overrides_;
  std::shared_ptr<const Publication> publication_;   // of a folder that is made of a GGUF
  const LogicalTensor* published_tensor_ = nullptr;  // there: the one that is looked at
  std::optional<PublishedTensors> published_;        // of a folder
  int64_t expert_cols_ = 0;                          // of a folder: what the columns of all experts are multiples of
  std::map<FusedKey, std::set<Format>> fused_formats_;
  int packed_ = 0;  // linears of a folder in a format with a packing
  bool has_experts_ = false;
  int fallbacks_ = 0;
  int requantized_ = 0;
};

}  // namespace

absl::StatusOr<TypeChoices> ChooseQuantizedTypes(const Model& model, const TypeOptions& options) {
  return ChooseQuantizedTypes(model, FindStoredFormats(model), options);
}

absl::StatusOr<TypeChoices> ChooseQuantizedTypes(const Model& model, const StoredFormats& stored,
                                                 const TypeOptions& options) {
  return ChooseQuantizedTypes(model, stored, options, WishedTypes());
}

absl::StatusOr<TypeChoices> ChooseQuantizedTypes(const Model& model, const StoredFormats& stored,
                                                 const TypeOptions& options, const WishedTypes& wishes) {
  return Chooser(model, stored, options, wishes).Choose();
}

}  // namespace nibble
