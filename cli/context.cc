#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/missing_model.h"

namespace nibble::cli {

void Context::Show(absl::string_view text) {
  progress.Clear();
  out.Print(text);
}

absl::StatusOr<Model> Context::Open(const std::string& path, bool keep_mtp) {
  absl::StatusOr<Model> model = OpenModel(files, path, {.pre = pre, .keep_mtp = keep_mtp});
  if (absl::IsNotFound(model.status())) {
    return absl::NotFoundError(absl::StrCat(model.status().message(), MissingModelAdvice(files, path)));
  }
  NIBBLE_RETURN_IF_ERROR(model.status());
  for (const std::string& warning : model->warnings) progress.Warn(warning);
  return model;
}

}  // namespace nibble::cli
