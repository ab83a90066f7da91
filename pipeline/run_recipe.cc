#include "pipeline/run_recipe.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/version.h"
#include "pipeline/comm/comm.h"
#include "pipeline/fit/sensitivities.h"
#include "pipeline/quantize.h"
#include "pipeline/recipe.h"
#include "pipeline/transform/apply_transforms.h"
#include "pipeline/transform/best_transform.h"
#include "pipeline/transform/transform.h"
#include "pipeline/types/container.h"

namespace nibble {
namespace {

absl::StatusOr<Plan> RunQuantize(io::FileSystem& files, const Model& published, OutputOptions output,
                                 CalibrationOptions calibration, Progress& progress) {
  const JobRecipe& recipe = output.recipe;
  calibration.scale_channels = recipe.transform() != "none";
  NIBBLE_ASSIGN_OR_RETURN(TypeOptions types, TypesOf(recipe));
  if (recipe.max_shard_bytes() > 0) output.max_shard_bytes = recipe.max_shard_bytes();
  NIBBLE_ASSIGN_OR_RETURN(calibration.texts, TextsBy(recipe, std::move(calibration.texts)));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<Transform> transforms, TransformsOf(recipe));
  std::optional<Model> transformed;
  if (!transforms.empty()) {
    const ApplyOptions options{
        .fold = {.allow_requantize = types.allow_requantize}, .threads = output.threads, .comm = output.comm};
    NIBBLE_ASSIGN_OR_RETURN(transformed, ApplyTransforms(published, transforms, options, calibration, progress));
  }
  const Model& model = transformed ? *transformed : published;
  NIBBLE_RETURN_IF_ERROR(MeasureForFit(model, calibration, output.threads, progress, types));
  if (recipe.transform() == "auto") {
    return QuantizeWithBestTransform(files, model, types, output, calibration, progress);
  }
  NIBBLE_ASSIGN_OR_RETURN(Plan plan, Quantize(files, model, types, output, progress, calibration));
  plan.set_transform(TransformsText(transforms));
  return plan;
}

absl::StatusOr<Plan> RunConvert(io::FileSystem& files, const Model& model, OutputOptions output, Progress& progress) {
  const JobRecipe& recipe = output.recipe;
  if (recipe.max_shard_bytes() > 0) output.max_shard_bytes = recipe.max_shard_bytes();
  NIBBLE_ASSIGN_OR_RETURN(const TypeOptions types, TypesOf(recipe));
  const auto convert = types.container == Container::kGguf ? Convert : ConvertToFolder;
  return convert(files, model, recipe.dtype(), output, progress);
}

// Before ranks do anything together: what they do follows from these.
absl::Status AgreeOnJob(const OutputOptions& output) {
  if (output.comm->size() == 1) return absl::OkStatus();
  return SameEverywhere(*output.comm, {{"the version of nibble", std::string(kVersion)},
                                       {"the recipe", output.recipe.SerializeAsString()}});
}

}  // namespace

absl::StatusOr<Plan> RunRecipe(io::FileSystem& files, const Model& model, const OutputOptions& output,
                               CalibrationOptions calibration, Progress& progress) {
  NIBBLE_RETURN_IF_ERROR(AgreeOnJob(output));
  const std::string& job = output.recipe.job();
  if (job == "quantize") return RunQuantize(files, model, output, std::move(calibration), progress);
  if (job == "convert") return RunConvert(files, model, output, progress);
  return absl::InvalidArgumentError(absl::StrCat("recipe: job: expected quantize or convert, found '", job, "'"));
}

}  // namespace nibble
