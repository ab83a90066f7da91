// The options by which quantize and plan are told of the activations that weights meet.
#ifndef NIBBLE_CLI_CALIBRATION_FLAGS_H_
#define NIBBLE_CLI_CALIBRATION_FLAGS_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "pipeline/calibration_options.h"
#include "pipeline/text_file.h"
#include "pipeline/work_space.h"

namespace nibble::cli {

// The options that name texts and choose windows of them: --TEXT, --PREFIXctx, --PREFIXchunks and --seed; `chunks` says
// what the default of texts.chunks means. REQUIRES: what is referred to outlives `app`'s parse.
CLI::Option* AddTexts(CLI::App& app, const std::string& text, const std::string& prefix, const std::string& chunks,
                      std::vector<std::string>& paths, CalibrationTexts& texts);
absl::StatusOr<std::vector<TextFile>> ReadTextFiles(io::FileSystem& files, const std::vector<std::string>& paths);

// --memory and --work-dir. REQUIRES: as above.
void AddWorkSpace(CLI::App& app, WorkSpace& work);

// Makes `work` ready for a job that makes `output`, beside which its file goes unless --work-dir names a folder.
// kPermissionDenied if that one cannot take a file. REQUIRES: parsed.
absl::Status OpenWorkSpace(io::FileSystem& files, const std::string& output, WorkSpace& work);

class CalibrationFlags {
 public:
  // REQUIRES: this outlives `app`'s parse.
  void AddTo(CLI::App& app);

  // Reads what was named. The work space is that of OpenWorkSpace. REQUIRES: parsed.
  absl::StatusOr<CalibrationOptions> Load(io::FileSystem& files, const std::string& output) const;

 private:
  CalibrationOptions options_;
  std::vector<std::string> text_paths_;
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_CALIBRATION_FLAGS_H_
