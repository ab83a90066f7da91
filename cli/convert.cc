#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/option_groups.h"
#include "cli/options.h"
#include "cli/output_flags.h"
#include "cli/plan_summary.h"
#include "cli/printable.h"
#include "cli/stopwatch.h"
#include "pipeline/recipe.h"
#include "pipeline/run_recipe.h"
#include "pipeline/types/container.h"

namespace nibble::cli {
namespace {

struct ConvertOptions {
  std::string model;
  std::string dtype = "source";
  OutputOptions output;
  bool keep_mtp = false;
};

absl::Status RunConvert(ConvertOptions& options, Context& context) {
  const Stopwatch stopwatch;
  NIBBLE_ASSIGN_OR_RETURN(const Model model, context.Open(options.model, options.keep_mtp));
  options.output.threads = context.threads;
  const bool is_gguf = absl::EndsWithIgnoreCase(options.output.path, ".gguf");
  options.output.recipe = ConvertRecipe(options.dtype, is_gguf ? Container::kGguf : Container::kCompressedTensors,
                                        options.output.max_shard_bytes);
  options.output.recipe.set_pre(context.pre);
  options.output.recipe.set_keep_mtp(options.keep_mtp);
  options.output.journal = true;
  options.output.comm = &context.comm;
  std::optional<ResumeAfterInterrupt> guard(std::in_place);
  NIBBLE_ASSIGN_OR_RETURN(const Plan plan, RunRecipe(context.files, model, options.output, {}, context.progress));
  guard.reset();  // the output is there, its journal is not
  for (const std::string& warning : plan.warnings()) context.progress.Warn(warning);
  const std::string output = ShellWord(options.output.path);
  context.Show(PlanSummary(plan, options.output.path,
                           {.seconds = stopwatch.seconds(),
                            .warnings = context.progress.warnings(),
                            .next = absl::StrCat("nibble run ", output, " -p 'Once upon a time'"),
                            .bytes_read = plan.source_bytes()}));
  return absl::OkStatus();
}

}  // namespace

Job DefineConvert(CLI::App& app) {
  auto options = std::make_shared<ConvertOptions>();
  StartGroup(app, kOutputGroup);
  AddModel(app, options->model);
  app.add_option("-o,--output", options->output.path,
                 "the .gguf to make; or, of a GGUF, the Hugging Face folder; it appears only when it is complete")
      ->type_name("OUT")
      ->required();
  app.add_flag("--force", options->output.force, "replace the output if it exists");
  AddChoice(app, "--dtype", options->dtype, {"source", "bf16", "f16", "f32"},
            "of the matrices; 'source' (default) keeps what is stored; others decode what a folder cannot hold");
  AddWriting(app, options->output);
  AddKeepMtp(app, options->keep_mtp);
  return [options](Context& context) { return RunConvert(*options, context); };
}

}  // namespace nibble::cli
