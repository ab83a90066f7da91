#include "pipeline/verify/verify.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/device_report.h"
#include "cli/known_types.h"
#include "cli/option_groups.h"
#include "cli/options.h"
#include "cli/plan_summary.h"
#include "cli/printable.h"
#include "cli/rank_lines.h"
#include "cli/report_page.h"
#include "cli/stopwatch.h"
#include "cli/summary_line.h"
#include "cli/verify_json.h"
#include "cli/verify_report.h"
#include "tiny/embedded_text.h"

namespace nibble::cli {
namespace {

struct Options {
  std::string reference;
  std::vector<std::string> candidates;
  std::string text_path;
  std::string json_path;
  std::string report_path;
  VerifyOptions job;
  Thresholds thresholds;
};

absl::StatusOr<std::string> ReadText(const std::string& path, Context& context) {
  if (!path.empty()) return io::ReadWholeFile(context.files, path, kTextLimit);
  context.progress.Warn("no --text: measured on a small embedded text, which says little about other texts");
  return std::string(EmbeddedText());
}

// A file that is asked for by name, and what becomes its content.
struct ReportFile {
  std::string Options::*path;
  std::string (*render)(const VerifyReport& report);
};

constexpr ReportFile kReportFiles[] = {
    {&Options::json_path, [](const VerifyReport& report) { return VerifyJson(report) + "\n"; }},
    {&Options::report_path, ReportPage},
};

absl::Status RunVerify(Options& options, Context& context) {
  const Stopwatch stopwatch;
  NIBBLE_ASSIGN_OR_RETURN(options.job.text, ReadText(options.text_path, context));
  options.job.threads = context.threads;
  options.job.device = context.device;
  options.job.comm = &context.comm;
  options.job.memory = context.ShareOf(options.job.memory);
  NIBBLE_ASSIGN_OR_RETURN(const Model reference, context.Open(options.reference));
  std::vector<Model> candidates;
  for (const std::string& path : options.candidates) {
    NIBBLE_ASSIGN_OR_RETURN(candidates.emplace_back(), context.Open(path));
  }
  std::vector<const Model*> pointers;
  std::vector<io::FileIdentity> inputs = reference.inputs;
  for (const Model& candidate : candidates) {
    pointers.push_back(&candidate);
    inputs.insert(inputs.end(), candidate.inputs.begin(), candidate.inputs.end());
  }
  for (const ReportFile& file : kReportFiles) {
    const std::string& path = options.*file.path;
    if (path.empty()) continue;
    options.job.details = true;
    if (context.comm.is_first()) NIBBLE_RETURN_IF_ERROR(CheckTextFile(context.files, path, inputs));
  }
  NIBBLE_ASSIGN_OR_RETURN(VerifyReport report, Verify(reference, pointers, options.job, context.progress));
  AddKnownTypes(report);
  for (const std::string& warning : report.warnings()) context.progress.Warn(warning);

  for (const ReportFile& file : kReportFiles) {
    const std::string& path = options.*file.path;
    if (path.empty() || !context.comm.is_first()) continue;
    NIBBLE_RETURN_IF_ERROR(WriteTextFile(context.files, path, file.render(report), inputs));
  }
  context.Show(absl::StrCat(VerifyText(report, options.reference), "\n",
                            RankLines(std::vector<RankShare>(report.ranks().begin(), report.ranks().end())),
                            DeviceLines(report.device_use()),
                            EndLines({.seconds = stopwatch.seconds(), .warnings = context.progress.warnings()})));
  for (const ReportFile& file : kReportFiles) {
    if (const std::string& path = options.*file.path; !path.empty())
      context.Show(SummaryLine("written", Printable(path)));
  }
  const std::vector<std::string> misses = Misses(report, options.thresholds);
  for (const std::string& miss : misses) context.Show(absl::StrCat("MISSED  ", miss, "\n"));
  if (!misses.empty()) context.exit_code = 1;
  return absl::OkStatus();
}

}  // namespace

Job DefineVerify(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("REFERENCE", options->reference, "the original: a Hugging Face folder or a .gguf")->required();
  app.add_option("CANDIDATE", options->candidates, "what was made of it; several are measured in one pass")->required();
  StartGroup(app, kTextGroup);
  app.add_option("--text", options->text_path, "the text to measure on (default: a small embedded one)")
      ->type_name("FILE");
  AddCount(app, "--ctx", options->job.ctx, "tokens of a window; the second half of each is scored (default 512)");
  AddCount(app, "--chunks", options->job.chunks, "windows to measure (default: all that the text has)");
  StartGroup(app, kThresholdsGroup);
  app.add_option("--max-kld", options->thresholds.max_kld, "exit 1 if a mean KL divergence is above")
      ->type_name("X")
      ->check(Between(0, 1e9));
  app.add_option("--min-top1", options->thresholds.min_top1,
                 "exit 1 if the share of equal most likely tokens is below; 0 to 1")
      ->type_name("X")
      ->check(Between(0, 1));
  StartGroup(app, kOutputGroup);
  app.add_option("--json", options->json_path, "write every figure to FILE; replaced if it exists")->type_name("FILE");
  app.add_option("--report", options->report_path,
                 "write a page with a verdict, plots and the worst tokens to FILE; replaced if it exists")
      ->type_name("FILE.html");
  StartGroup(app, kResourcesGroup);
  AddSize(app, "--memory", options->job.memory, "what weights and states may take (default 1GiB)");
  return [options](Context& context) { return RunVerify(*options, context); };
}

}  // namespace nibble::cli
