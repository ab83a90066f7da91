#include "pipeline/quantize.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "cli/calibration_flags.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"
#include "cli/output_flags.h"
#include "cli/peak_memory.h"
#include "cli/plan_report.h"
#include "cli/plan_summary.h"
#include "cli/stopwatch.h"
#include "cli/transform_flags.h"
#include "cli/type_flags.h"
#include "pipeline/apply_transforms.h"
#include "pipeline/best_transform.h"
#include "pipeline/sensitivities.h"
#include "pipeline/transform.h"

namespace nibble::cli {
namespace {

struct QuantizeOptions {
  std::string model;
  TypeFlags types;
  CalibrationFlags calibration;
  TransformFlags transforms;
  OutputFlags output;
  bool keep_mtp = false;
  bool json = false;
};

absl::Status RunQuantize(QuantizeOptions& options, Context& context) {
  NIBBLE_ASSIGN_OR_RETURN(TypeOptions types, options.types.Parse());
  NIBBLE_ASSIGN_OR_RETURN(types.container, options.output.Container());
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<Transform> transforms, options.transforms.Parse());
  const OutputOptions output = options.output.Options(context.threads);
  NIBBLE_ASSIGN_OR_RETURN(CalibrationOptions calibration, options.calibration.Load(context.files, output.path));
  calibration.texts.device = context.device;
  calibration.scale_channels = !options.transforms.none();
  const Stopwatch stopwatch;
  NIBBLE_ASSIGN_OR_RETURN(Model model, context.Open(options.model, options.keep_mtp));
  const RemoveOnInterrupt guard(output.path + ".part");
  if (!transforms.empty()) {
    NIBBLE_ASSIGN_OR_RETURN(
        model, ApplyTransforms(model, transforms,
                               {.fold = {.allow_requantize = types.allow_requantize}, .threads = context.threads},
                               calibration, context.progress));
  }
  NIBBLE_RETURN_IF_ERROR(MeasureForFit(model, calibration, context.threads, context.progress, types));
  Plan plan;
  if (options.transforms.automatic()) {
    NIBBLE_ASSIGN_OR_RETURN(
        plan, QuantizeWithBestTransform(context.files, model, types, output, calibration, context.progress));
  } else {
    NIBBLE_ASSIGN_OR_RETURN(plan, Quantize(context.files, model, types, output, context.progress, calibration));
    plan.set_transform(TransformsText(transforms));
  }
  for (const std::string& warning : plan.warnings()) context.progress.Warn(warning);
  context.Show(options.json ? PlanJson(plan, model.path, PeakMemory()) + "\n"
                            : PlanSummary(plan, output.path, stopwatch.seconds()));
  return absl::OkStatus();
}

}  // namespace

Job DefineQuantize(CLI::App& app) {
  auto options = std::make_shared<QuantizeOptions>();
  AddModel(app, options->model);
  options->output.AddTo(app)->required();
  options->types.AddTo(app);
  options->calibration.AddTo(app);
  options->transforms.AddTo(app);
  AddKeepMtp(app, options->keep_mtp);
  app.add_flag("--json", options->json, "what was written and what calibration gained, as JSON");
  return [options](Context& context) { return RunQuantize(*options, context); };
}

}  // namespace nibble::cli
