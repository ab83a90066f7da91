#include "cli/calibration_flags.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "cli/option_groups.h"
#include "cli/options.h"
#include "formats/io/file.h"

namespace nibble::cli {

CLI::Option* AddTexts(CLI::App& app, const std::string& text, const std::string& prefix, const std::string& chunks,
                      std::vector<std::string>& paths, CalibrationTexts& texts) {
  CLI::Option* option =
      app.add_option(absl::StrCat("--", text), paths,
                     "texts to run the model on, to learn what its weights are multiplied with: plain, or a .jsonl of "
                     "texts or conversations; repeatable")
          ->type_name("FILE")
          ->allow_extra_args(false);
  AddCount(app, absl::StrCat("--", prefix, "ctx"), texts.ctx, "tokens of a window of those texts (default 512)");
  AddCount(app, absl::StrCat("--", prefix, "chunks"), texts.chunks, absl::StrCat("windows to run (", chunks, ")"));
  AddCount(app, "--seed", texts.seed, "which windows, where there are more: 0 (default) the first, else a sample");
  return option;
}

absl::StatusOr<std::vector<TextFile>> ReadTextFiles(io::FileSystem& files, const std::vector<std::string>& paths) {
  std::vector<TextFile> texts;
  for (const std::string& path : paths) {
    TextFile& text = texts.emplace_back(TextFile{.path = path, .content = ""});
    NIBBLE_ASSIGN_OR_RETURN(text.content, io::ReadWholeFile(files, path, kTextLimit));
  }
  return texts;
}

void AddWorkSpace(CLI::App& app, WorkSpace& work) {
  StartGroup(app, kResourcesGroup);
  AddSize(app, "--memory", work.memory, "what running a text may take of it (default 1GiB)");
  app.add_option("--work-dir", work.directory,
                 "where a file may lie for what --memory does not hold (default: beside OUT)")
      ->type_name("DIR");
}

absl::Status OpenWorkSpace(io::FileSystem& files, const std::string& output, WorkSpace& work) {
  work.files = &files;
  if (work.directory.empty()) {
    work.directory = io::DirectoryOf(std::string(absl::StripSuffix(output, "/")));
    return absl::OkStatus();
  }
  return CheckDirectory(work);
}

void CalibrationFlags::AddTo(CLI::App& app) {
  StartGroup(app, kCalibrationGroup);
  AddTexts(app, "calibration-text", "calibration-", "default 128; 0: all", text_paths_, options_.texts);
  app.add_option("--imatrix", options_.imatrix_path,
                 "an importance matrix, as 'nibble calibrate' or llama-imatrix made it")
      ->type_name("FILE");
  AddWorkSpace(app, options_.work);
}

absl::StatusOr<CalibrationOptions> CalibrationFlags::Load(io::FileSystem& files, const std::string& output) const {
  CalibrationOptions options = options_;
  NIBBLE_RETURN_IF_ERROR(OpenWorkSpace(files, output, options.work));
  NIBBLE_ASSIGN_OR_RETURN(options.texts.files, ReadTextFiles(files, text_paths_));
  return options;
}

}  // namespace nibble::cli
