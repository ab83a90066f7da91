#include "pipeline/check.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "cli/calibration_flags.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/option_groups.h"
#include "cli/units.h"
#include "pipeline/check_source.h"
#include "pipeline/proto_json.h"

namespace nibble::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  std::vector<std::string> text_paths;
  SourceCheck again;
  bool json = false;
};

std::string CheckText(const FileCheck& check) {
  const bool good = check.problems().empty();
  std::string text =
      absl::StrCat(good ? "OK      " : "FAILED  ", check.path(), "  ", check.tensors(), " tensors, ",
                   FormatSize(check.bytes()), check.has_manifest() ? ", as its manifest says" : "", "\n");
  if (!good) text = absl::StrCat("FAILED  ", check.path(), "\n");
  for (const std::string& problem : check.problems()) absl::StrAppend(&text, "  ", problem, "\n");
  for (const std::string& note : check.notes()) absl::StrAppend(&text, "  note: ", note, "\n");
  return text;
}

// Beside the output, unless --work-dir names another folder.
absl::Status MakeAgain(const std::string& path, const Options& options, Context& context, FileCheck& check) {
  SourceCheck again = options.again;
  again.threads = context.threads;
  WorkSpace& work = again.calibration.work;
  if (work.directory.empty()) work.directory = io::DirectoryOf(std::string(absl::StripSuffix(path, "/")));
  work.files = &context.files;
  again.scratch = ScratchPath(work.directory, path);
  again.calibration.texts.device = context.device;
  NIBBLE_ASSIGN_OR_RETURN(again.calibration.texts.files, ReadTextFiles(context.files, options.text_paths));
  const RemoveOnInterrupt guard(again.scratch + ".part");
  return CheckAgainstSource(context.files, path, std::move(again), context.progress, check);
}

absl::Status RunCheck(const Options& options, Context& context) {
  CheckReport report;
  NIBBLE_RETURN_IF_ERROR(TryWorkSpace(context.files, options.again.calibration.work));
  for (const std::string& path : options.paths) {
    NIBBLE_ASSIGN_OR_RETURN(*report.add_files(), CheckFile(context.files, path, context.threads, context.progress));
    FileCheck& check = *report.mutable_files()->rbegin();
    if (!options.again.source.empty()) NIBBLE_RETURN_IF_ERROR(MakeAgain(path, options, context, check));
    if (!check.problems().empty()) context.exit_code = 1;
    if (!options.json) context.Show(CheckText(check));
  }
  if (options.json) context.Show(ProtoToJson(report) + "\n");
  return absl::OkStatus();
}

}  // namespace

Job DefineCheck(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("FILE", options->paths, "a .gguf (first part of a split), or a folder")->required();
  StartGroup(app, kOutputGroup);
  app.add_flag("--json", options->json, "as JSON");
  StartGroup(app, "Made again");
  app.add_option("--source", options->again.source,
                 "what they were made from: they are made again by their manifest's recipe, and compared")
      ->type_name("MODEL");
  app.add_option("--calibration-text", options->text_paths, "with --source: the texts of that job; repeatable")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--imatrix", options->again.calibration.imatrix_path, "with --source: the matrix of that job")
      ->type_name("FILE");
  AddWorkSpace(app, options->again.calibration.work);
  return [options](Context& context) { return RunCheck(*options, context); };
}

}  // namespace nibble::cli
