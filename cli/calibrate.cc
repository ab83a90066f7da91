#include "pipeline/calibrate.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/calibration_flags.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/options.h"

namespace nibble::cli {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> text_paths;
  std::string output;
  bool force = false;
  CalibrateOptions job;
};

absl::Status RunCalibrate(Options& options, Context& context) {
  NIBBLE_ASSIGN_OR_RETURN(options.job.texts.files, ReadTextFiles(context.files, options.text_paths));
  options.job.threads = context.threads;
  NIBBLE_ASSIGN_OR_RETURN(const Model model, context.Open(options.model));
  const RemoveOnInterrupt guard(options.output + ".part");
  NIBBLE_ASSIGN_OR_RETURN(const Calibration calibration, Calibrate(model, options.job, context.progress));
  for (const std::string& warning : calibration.warnings) context.progress.Warn(warning);
  NIBBLE_RETURN_IF_ERROR(SaveImatrix(context.files, model, calibration.matrix, options.output, options.force));
  context.Show(absl::StrCat(options.output, "\n  linears  ", calibration.matrix.entries.size(), "\n  windows  ",
                            calibration.matrix.chunk_count, " of ", calibration.matrix.chunk_size, " tokens\n"));
  return absl::OkStatus();
}

}  // namespace

Job DefineCalibrate(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddModel(app, options->model);
  AddGgufOutput(app, options->output, options->force);
  AddTexts(app, "text", "", "default: all that there are", options->text_paths, options->job.texts)->required();
  AddSize(app, "--memory", options->job.memory, "what weights and states may take (default 1GiB)");
  return [options](Context& context) { return RunCalibrate(*options, context); };
}

}  // namespace nibble::cli
