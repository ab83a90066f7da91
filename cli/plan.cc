#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/job_flags.h"
#include "cli/option_groups.h"
#include "cli/peak_memory.h"
#include "cli/plan_report.h"
#include "cli/printable.h"
#include "pipeline/fit/sensitivities.h"
#include "pipeline/quantize.h"
#include "pipeline/recipe.h"
#include "pipeline/transform/apply_transforms.h"
#include "pipeline/transform/transform.h"

namespace nibble::cli {
namespace {

struct PlanOptions {
  JobFlags job;
  bool json = false;
};

absl::Status RunPlan(const PlanOptions& options, Context& context) {
  NIBBLE_ASSIGN_OR_RETURN(const ParsedJob job, options.job.Parse(context));
  const auto& [output, calibration] = job;
  const JobRecipe& recipe = output.recipe;
  NIBBLE_ASSIGN_OR_RETURN(TypeOptions types, TypesOf(recipe));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<Transform> transforms, TransformsOf(recipe));
  NIBBLE_ASSIGN_OR_RETURN(Model model, context.Open(options.job.model(), recipe.keep_mtp()));
  NIBBLE_RETURN_IF_ERROR(options.job.CheckFiles(job, model.inputs, context));
  if (!transforms.empty()) {
    NIBBLE_ASSIGN_OR_RETURN(
        model,
        ApplyTransforms(model, transforms, {.fold = {.allow_requantize = types.allow_requantize}, .for_plan = true},
                        calibration, context.progress));
  }
  NIBBLE_RETURN_IF_ERROR(MeasureForFit(model, calibration, context.threads, context.progress, types));
  NIBBLE_ASSIGN_OR_RETURN(Plan plan, PlanQuantize(context.files, model, types, output, calibration));
  if (!output.path.empty() && !output.force && context.files.Stat(output.path).ok()) {
    plan.add_warnings(absl::StrCat(output.path, " exists: quantize replaces it only with --force"));
  }
  NIBBLE_RETURN_IF_ERROR(
      options.job.SaveRecipe(recipe, plan, model.inputs, context));  // "auto" stays: nothing was chosen
  plan.set_transform(TransformsText(transforms));
  if (recipe.transform() == "auto") {
    plan.add_warnings("--transform auto: which one pays is known when quantize has tried them; planned without any");
  }
  for (const std::string& warning : plan.warnings()) context.progress.Warn(warning);
  plan.mutable_warnings()->Add(model.warnings.begin(), model.warnings.end());
  // What was needed so far, the job needs as well.
  const uint64_t memory = PeakMemory() + plan.buffer_bytes();
  const std::string path = output.path.empty() ? "OUT" : ShellWord(output.path);
  const JobFacts facts = {
      .command = "plan",
      .model = model.path,
      .next = absl::StrCat("nibble verify ", ShellWord(options.job.model()), " ", path, " --report FILE.html"),
      .memory_bytes = memory};
  NIBBLE_RETURN_IF_ERROR(options.job.WriteReport(plan, facts, model.inputs, context));
  context.Show(options.json ? PlanJson(plan, model.path, memory) + "\n" : PlanText(plan, model.path, memory));
  return absl::OkStatus();
}

}  // namespace

Job DefinePlan(CLI::App& app) {
  auto options = std::make_shared<PlanOptions>();
  options->job.AddTo(app)->description("the file or folder that quantize would make");
  StartGroup(app, kOutputGroup);
  app.add_flag("--json", options->json, "as JSON");
  return [options](Context& context) { return RunPlan(*options, context); };
}

}  // namespace nibble::cli
