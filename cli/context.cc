#include "base/status.h"
#include "cli/command.h"

namespace nibble::cli {

void Context::Show(absl::string_view text) {
  progress.Clear();
  out.Print(text);
}

absl::StatusOr<Model> Context::Open(const std::string& path, bool keep_mtp) {
  NIBBLE_ASSIGN_OR_RETURN(Model model, OpenModel(files, path, {.pre = pre, .keep_mtp = keep_mtp}));
  for (const std::string& warning : model.warnings) progress.Warn(warning);
  return model;
}

}  // namespace nibble::cli
