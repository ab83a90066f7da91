#include "pipeline/recipe.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "pipeline/tensor_place.h"

namespace nibble {
namespace {

constexpr int kMaxLayers = 100'000;
constexpr char kFitReason[] = "fit:";  // begins that of every type that was chosen to fit

constexpr std::pair<Container, absl::string_view> kContainers[] = {
    {Container::kGguf, "gguf"},
    {Container::kCompressedTensors, "compressed-tensors"},
    {Container::kMxfp4, "mxfp4"},
};

// The numbers of "0-3,31".
absl::StatusOr<std::vector<int>> LayersOf(const TypeRule& rule) {
  std::vector<int> layers;
  for (const absl::string_view part : absl::StrSplit(rule.layers(), ',')) {
    const std::pair<absl::string_view, absl::string_view> ends = absl::StrSplit(part, absl::MaxSplits('-', 1));
    int first = -1, last = -1;
    const bool are_numbers = absl::SimpleAtoi(ends.first, &first) &&
                             absl::SimpleAtoi(absl::StrContains(part, '-') ? ends.second : ends.first, &last);
    if (!are_numbers || first < 0 || last < first || last >= kMaxLayers) {
      return absl::InvalidArgumentError(
          absl::StrCat("recipe: types: layers: expected numbers as in \"0-3,31\", found \"", rule.layers(), "\""));
    }
    for (int layer = first; layer <= last; ++layer) layers.push_back(layer);
  }
  return layers;
}

absl::StatusOr<std::string> RegexOf(const TypeRule& rule) {
  if (rule.role().empty()) return rule.regex();
  const bool is_word =
      std::all_of(rule.role().begin(), rule.role().end(), [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
  if (!is_word || !rule.regex().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("recipe: types: expected a regex, or a role such as attn_v, found \"", rule.role(), "\"",
                     is_word ? " and a regex" : ""));
  }
  if (rule.layers().empty()) return absl::StrCat("^(blk\\.[0-9]+\\.)?", rule.role(), "\\.");
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<int> layers, LayersOf(rule));
  return absl::StrCat("^blk\\.(", absl::StrJoin(layers, "|"), ")\\.", rule.role(), "\\.");
}

// "0-3,31" of rising numbers.
std::string LayersText(const std::vector<int>& layers) {
  std::string text;
  for (size_t i = 0, end = 0; i < layers.size(); i = end) {
    for (end = i + 1; end < layers.size() && layers[end] == layers[end - 1] + 1;) ++end;
    absl::StrAppend(&text, text.empty() ? "" : ",", layers[i]);
    if (end > i + 1) absl::StrAppend(&text, "-", layers[end - 1]);
  }
  return text;
}

// What was chosen to fit a budget, as rules; the type of most values becomes that of all.
void AddChosenTypes(const Plan& plan, JobRecipe& recipe) {
  std::map<std::pair<std::string, std::string>, std::vector<int>> layers;  // by role and type
  std::map<std::string, int64_t> elements;                                 // by type
  for (const PlannedTensor& tensor : plan.tensors()) {
    if (!absl::StartsWith(tensor.reason(), kFitReason)) continue;
    const auto [role, layer] = PlaceOf(tensor.name());
    layers[{role, tensor.type()}].push_back(layer);
    int64_t& sum = elements[tensor.type()];
    int64_t size = 1;
    for (const int64_t dim : tensor.shape()) size *= dim;
    sum += size;
  }
  for (const auto& [type, sum] : elements) {
    if (recipe.type().empty() || sum > elements[recipe.type()]) recipe.set_type(type);
  }
  for (const auto& [key, of] : layers) {
    TypeRule& rule = *recipe.add_types();
    rule.set_role(key.first);
    if (of.front() >= 0) rule.set_layers(LayersText(of));
    rule.set_type(key.second);
  }
}

// Keeps the first error.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat("line ", line + 1, ", column ", column + 1, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

absl::StatusOr<JobRecipe> ParseRecipe(const std::string& text, const std::string& path) {
  JobRecipe recipe;
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(text, &recipe)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected a recipe in text protobuf, found ", error.text()));
  }
  return recipe;
}

std::string RecipeText(const JobRecipe& recipe) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(recipe, &text);
  return text;
}

JobRecipe Resolved(const JobRecipe& recipe, const Plan& plan) {
  JobRecipe resolved = recipe;
  if (recipe.transform() == "auto" && !plan.transform().empty()) {
    resolved.set_transform(plan.transform() == "none" ? "" : plan.transform());
  }
  if (!recipe.has_fit()) return resolved;
  resolved.clear_fit();
  AddChosenTypes(plan, resolved);
  return resolved;
}

absl::string_view ContainerName(Container container) {
  for (const auto& [known, name] : kContainers) {
    if (known == container) return name;
  }
  return "";
}

JobRecipe QuantizeRecipe(const TypeOptions& types, const std::string& transform, const CalibrationTexts& calibration,
                         uint64_t max_shard_bytes) {
  JobRecipe recipe;
  recipe.set_job("quantize");
  recipe.set_format(std::string(ContainerName(types.container)));
  if (types.container != Container::kGguf) recipe.set_max_shard_bytes(max_shard_bytes);
  if (types.fit.bytes > 0) {
    recipe.mutable_fit()->set_bytes(types.fit.bytes);
    recipe.mutable_fit()->set_context(types.fit.context);
  } else {
    recipe.set_type(absl::AsciiStrToUpper(types.type));
  }
  recipe.set_pure(types.pure);
  recipe.set_token_embedding_type(absl::AsciiStrToUpper(types.token_embedding_type));
  recipe.set_output_tensor_type(absl::AsciiStrToUpper(types.output_tensor_type));
  for (const auto& [regex, type] : types.tensor_types) {
    TypeRule& rule = *recipe.add_types();
    rule.set_regex(regex);
    rule.set_type(absl::AsciiStrToUpper(type));
  }
  recipe.set_strict(types.strict);
  recipe.set_allow_requantize(types.allow_requantize);
  recipe.set_method(types.method.empty() ? "auto" : types.method);
  recipe.set_transform(transform);
  if (!calibration.empty()) {
    recipe.mutable_calibration()->set_ctx(calibration.ctx);
    recipe.mutable_calibration()->set_chunks(calibration.chunks);
    recipe.mutable_calibration()->set_seed(calibration.seed);
  }
  return recipe;
}

JobRecipe ConvertRecipe(const std::string& dtype, Container container, uint64_t max_shard_bytes) {
  JobRecipe recipe;
  recipe.set_job("convert");
  recipe.set_format(std::string(ContainerName(container)));
  recipe.set_dtype(dtype);
  if (container != Container::kGguf) recipe.set_max_shard_bytes(max_shard_bytes);
  return recipe;
}

absl::StatusOr<TypeOptions> TypesOf(const JobRecipe& recipe) {
  TypeOptions types;
  bool is_known = false;
  for (const auto& [container, name] : kContainers) {
    if (name != recipe.format()) continue;
    types.container = container;
    is_known = true;
  }
  if (!is_known) {
    return absl::InvalidArgumentError(
        absl::StrCat("recipe: format: expected gguf, compressed-tensors or mxfp4, found '", recipe.format(), "'"));
  }
  if (!recipe.type().empty()) types.type = recipe.type();
  types.fit.bytes = recipe.fit().bytes();
  types.fit.context = recipe.fit().context();
  types.pure = recipe.pure();
  types.token_embedding_type = recipe.token_embedding_type();
  types.output_tensor_type = recipe.output_tensor_type();
  for (const TypeRule& rule : recipe.types()) {
    NIBBLE_ASSIGN_OR_RETURN(std::string regex, RegexOf(rule));
    types.tensor_types.emplace_back(std::move(regex), rule.type());
  }
  types.strict = recipe.strict();
  types.allow_requantize = recipe.allow_requantize();
  types.method = recipe.method();
  return types;
}

absl::StatusOr<std::vector<Transform>> TransformsOf(const JobRecipe& recipe) {
  const bool is_open = recipe.transform().empty() || recipe.transform() == "auto";
  return ParseTransforms(is_open ? "none" : recipe.transform());
}

absl::StatusOr<CalibrationTexts> TextsBy(const JobRecipe& recipe, CalibrationTexts texts) {
  if (!recipe.has_calibration()) return texts;
  if (texts.empty()) {
    return absl::InvalidArgumentError("recipe: calibration: expected --calibration-text beside it, found none");
  }
  if (recipe.calibration().ctx() > 0) texts.ctx = recipe.calibration().ctx();
  texts.chunks = recipe.calibration().chunks();
  texts.seed = recipe.calibration().seed();
  return texts;
}

}  // namespace nibble
