#include <memory>
#include <string>

#include "base/status.h"
#include "cli/command.h"
#include "cli/device_report.h"
#include "cli/interrupt.h"
#include "cli/option_groups.h"
#include "cli/options.h"
#include "pipeline/infer/infer.h"

namespace nibble::cli {
namespace {

absl::Status RunLogits(const std::string& path, LogitsOptions& options, Context& context) {
  NIBBLE_ASSIGN_OR_RETURN(const Model model, context.Open(path));
  options.threads = context.threads;
  options.device = context.device;
  const RemoveOnInterrupt guard(options.output_path + ".part");
  NIBBLE_ASSIGN_OR_RETURN(const DeviceUse use, WriteLogits(context.files, model, options, context.progress));
  context.progress.Note(DeviceText(use));
  return absl::OkStatus();
}

}  // namespace

Job DefineLogits(CLI::App& app) {
  struct Options {
    std::string model;
    LogitsOptions job;
  };
  auto options = std::make_shared<Options>();
  StartGroup(app, kOutputGroup);
  AddModel(app, options->model);
  app.add_option("--ids", options->job.ids_path, "safetensors with input_ids I64 [B, T]")
      ->required()
      ->type_name("FILE");
  app.add_option("-o,--output", options->job.output_path,
                 "safetensors with logits F32 [B, T, V]; replaced if it exists")
      ->required()
      ->type_name("OUT");
  app.add_flag("--hidden", options->job.hidden,
               "also hidden_0 (the first layer's input) to hidden_L (the last one's output), F32 [B, T, H]");
  return [options](Context& context) { return RunLogits(options->model, options->job, context); };
}

}  // namespace nibble::cli
