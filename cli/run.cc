#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/device_report.h"
#include "cli/option_groups.h"
#include "cli/options.h"
#include "pipeline/infer/infer.h"

namespace nibble::cli {
namespace {

double PerSecond(uint32_t tokens, double seconds) { return seconds > 0 ? tokens / seconds : 0; }

absl::Status RunGenerate(const std::string& path, GenerateOptions& options, Context& context) {
  NIBBLE_ASSIGN_OR_RETURN(const Model model, context.Open(path));
  options.threads = context.threads;
  options.device = context.device;
  const auto emit = [&context](absl::string_view piece) {
    context.Show(piece);
    context.out.Flush();
    return !context.out.failed();
  };
  NIBBLE_ASSIGN_OR_RETURN(const GenerateStats stats, Generate(model, options, emit));
  context.Show("\n");
  context.out.Flush();
  context.progress.Note(absl::StrFormat("prompt %d tokens, %.1f tok/s; generated %d tokens, %.1f tok/s",
                                        stats.prompt_tokens, PerSecond(stats.prompt_tokens, stats.prompt_seconds),
                                        stats.generated_tokens,
                                        PerSecond(stats.generated_tokens, stats.generate_seconds)));
  context.progress.Note(DeviceText(stats.device_use));
  return absl::OkStatus();
}

}  // namespace

Job DefineRun(CLI::App& app) {
  struct Options {
    std::string model;
    GenerateOptions job;
  };
  auto options = std::make_shared<Options>();
  StartGroup(app, kTextGroup);
  AddModel(app, options->model);
  app.add_option("-p,--prompt", options->job.prompt, "the text to continue; it is not printed again")
      ->required()
      ->type_name("TEXT");
  AddCount(app, "-n,--tokens", options->job.max_tokens, "tokens to make at most (default 128)");
  app.add_option("--temperature", options->job.temperature, "0 (default) takes the most likely token each time")
      ->type_name("X")
      ->check(Between(0, 1000));
  AddCount(app, "--seed", options->job.seed, "of the random choices where the temperature is not 0 (default 0)");
  return [options](Context& context) { return RunGenerate(options->model, options->job, context); };
}

}  // namespace nibble::cli
