#include "cli/calibration_flags.h"

#include "base/status.h"
#include "cli/options.h"

namespace nibble::cli {

void CalibrationFlags::AddTo(CLI::App& app) {
  app.add_option("--calibration-text", text_paths_,
                 "texts to run the model on, to learn what its weights are multiplied with; repeatable")
      ->type_name("FILE")
      ->allow_extra_args(false);
  app.add_option("--calibration-ctx", options_.ctx, "tokens of a window of those texts (default 512)")->type_name("N");
  app.add_option("--calibration-chunks", options_.chunks, "windows to run (default 128; 0: all)")->type_name("N");
  app.add_option("--imatrix", options_.imatrix_path,
                 "an importance matrix, as 'nibble calibrate' or llama-imatrix made it")
      ->type_name("FILE");
}

absl::StatusOr<CalibrationOptions> CalibrationFlags::Load(io::FileSystem& files) const {
  CalibrationOptions options = options_;
  for (const std::string& path : text_paths_) {
    NIBBLE_ASSIGN_OR_RETURN(options.texts.emplace_back(), io::ReadWholeFile(files, path, kTextLimit));
  }
  return options;
}

}  // namespace nibble::cli
