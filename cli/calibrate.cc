#include "pipeline/calibration/calibrate.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/calibration_flags.h"
#include "cli/calibration_report.h"
#include "cli/command.h"
#include "cli/device_report.h"
#include "cli/interrupt.h"
#include "cli/json_writer.h"
#include "cli/option_groups.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/plan_summary.h"
#include "cli/printable.h"
#include "cli/rank_lines.h"
#include "cli/stopwatch.h"
#include "cli/summary_line.h"
#include "pipeline/output/output_options.h"

namespace nibble::cli {
namespace {

struct Options {
  std::string model;
  std::vector<std::string> text_paths;
  OutputOptions output;
  bool json = false;
  CalibrateOptions job;
};

std::string SummaryText(const Calibration& calibration, const Options& options, const JobEnd& end) {
  const auto& matrix = calibration.matrix;
  std::string text = absl::StrCat(Printable(options.output.path), "\n");
  absl::StrAppend(&text, SummaryLine("linears", absl::StrCat(matrix.entries.size())),
                  SummaryLine("windows", absl::StrCat(matrix.chunk_count, " of ", matrix.chunk_size, " tokens")));
  if (const std::string coverage = CoverageText(calibration.report); !coverage.empty()) {
    absl::StrAppend(&text, SummaryLine("expert tokens", coverage));
  }
  return absl::StrCat(text, RankLines(calibration.ranks), DeviceLines(calibration.report.device_use()), EndLines(end));
}

std::string SummaryJson(const Calibration& calibration, const Options& options) {
  const auto& matrix = calibration.matrix;
  JsonWriter json;
  json.BeginObject();
  json.Key("model").String(options.model);
  json.Key("output").String(options.output.path);
  json.Key("windows").Number(uint64_t{matrix.chunk_count});
  json.Key("device").String(calibration.report.device());
  json.Key("ctx").Number(uint64_t{matrix.chunk_size});
  json.Key("warnings").BeginArray();
  for (const std::string& warning : calibration.warnings) json.String(warning);
  json.EndArray();
  json.Key("linears").BeginArray();
  for (const auto& entry : matrix.entries) json.String(entry.name);
  json.EndArray();
  json.Key("experts");
  WriteCoverage(calibration.report, json);
  WriteDeviceUse(calibration.report.device_use(), json);
  json.EndObject();
  return json.Take() + "\n";
}

absl::Status RunCalibrate(Options& options, Context& context) {
  const Stopwatch stopwatch;
  NIBBLE_ASSIGN_OR_RETURN(options.job.texts.files, ReadTextFiles(context.files, options.text_paths));
  options.job.threads = context.threads;
  options.job.texts.device = context.device;
  NIBBLE_RETURN_IF_ERROR(OpenWorkSpace(context.files, options.output.path, options.job.work));
  options.job.work.memory = context.ShareOf(options.job.work.memory);
  options.job.comm = &context.comm;
  NIBBLE_ASSIGN_OR_RETURN(Model model, context.Open(options.model));
  AddInputs(context.files, options.text_paths, model.inputs);
  options.output.recipe.set_pre(context.pre);
  std::optional<ResumeAfterInterrupt> guard(std::in_place);
  NIBBLE_ASSIGN_OR_RETURN(const Calibration calibration,
                          CalibrateToFile(context.files, model, options.job, options.output, context.progress));
  guard.reset();  // the output is there, its journal is not
  if (!context.comm.is_first()) return absl::OkStatus();
  for (const std::string& warning : calibration.warnings) context.progress.Warn(warning);
  const JobEnd end = {.seconds = stopwatch.seconds(),
                      .warnings = context.progress.warnings(),
                      .next = absl::StrCat("nibble quantize ", ShellWord(options.model), " -o OUT.gguf --imatrix ",
                                           ShellWord(options.output.path))};
  context.Show(options.json ? SummaryJson(calibration, options) : SummaryText(calibration, options, end));
  return absl::OkStatus();
}

}  // namespace

Job DefineCalibrate(CLI::App& app) {
  auto options = std::make_shared<Options>();
  StartGroup(app, kOutputGroup);
  AddModel(app, options->model);
  AddGgufOutput(app, options->output.path, options->output.force)->required();
  AddResume(app, options->output.resume);
  app.add_flag("--json", options->json, "what was seen, as JSON");
  StartGroup(app, kTextGroup);
  AddTexts(app, "text", "", "default: all that there are", options->text_paths, options->job.texts)->required();
  AddWorkSpace(app, options->job.work);
  return [options](Context& context) { return RunCalibrate(*options, context); };
}

}  // namespace nibble::cli
