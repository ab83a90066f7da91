#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/job_flags.h"
#include "cli/option_groups.h"
#include "cli/peak_memory.h"
#include "cli/plan_report.h"
#include "cli/plan_summary.h"
#include "cli/printable.h"
#include "cli/stopwatch.h"
#include "cli/summary_line.h"
#include "pipeline/run_recipe.h"

namespace nibble::cli {
namespace {

struct QuantizeOptions {
  JobFlags job;
  bool json = false;
};

absl::Status RunQuantize(const QuantizeOptions& options, Context& context) {
  NIBBLE_ASSIGN_OR_RETURN(ParsedJob job, options.job.Parse(context));
  OutputOptions& output = job.output;
  const Stopwatch stopwatch;
  NIBBLE_ASSIGN_OR_RETURN(Model model, context.Open(options.job.model(), output.recipe.keep_mtp()));
  NIBBLE_RETURN_IF_ERROR(options.job.CheckFiles(job, model.inputs, context));
  output.journal = true;
  output.comm = &context.comm;
  std::optional<ResumeAfterInterrupt> guard(std::in_place);
  NIBBLE_ASSIGN_OR_RETURN(const Plan plan,
                          RunRecipe(context.files, model, output, std::move(job.calibration), context.progress));
  guard.reset();  // the output is there, its journal is not
  if (!context.comm.is_first()) return absl::OkStatus();
  NIBBLE_RETURN_IF_ERROR(options.job.SaveRecipe(output.recipe, plan, model.inputs, context));
  const std::string verify =
      absl::StrCat("nibble verify ", ShellWord(options.job.model()), " ", ShellWord(output.path));
  const JobFacts facts = {.command = "quantize",
                          .model = model.path,
                          .next = absl::StrCat(verify, " --report FILE.html"),
                          .memory_bytes = PeakMemory()};
  NIBBLE_RETURN_IF_ERROR(options.job.WriteReport(plan, facts, model.inputs, context));
  for (const std::string& warning : plan.warnings()) context.progress.Warn(warning);
  context.Show(options.json ? PlanJson(plan, model.path, facts.memory_bytes) + "\n"
                            : PlanSummary(plan, output.path,
                                          {.seconds = stopwatch.seconds(),
                                           .warnings = context.progress.warnings(),
                                           .next = verify,
                                           .bytes_read = plan.source_bytes()}));
  if (!options.json && !options.job.report_path().empty()) {
    context.Show(SummaryLine("written", Printable(options.job.report_path())));
  }
  return absl::OkStatus();
}

}  // namespace

Job DefineQuantize(CLI::App& app) {
  auto options = std::make_shared<QuantizeOptions>();
  options->job.AddTo(app)->required();
  StartGroup(app, kOutputGroup);
  app.add_flag("--json", options->json, "what was written and what calibration gained, as JSON");
  return [options](Context& context) { return RunQuantize(*options, context); };
}

}  // namespace nibble::cli
