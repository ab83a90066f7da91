#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/missing_model.h"
#include "pipeline/work_space.h"

namespace nibble::cli {

uint64_t Context::ShareOf(uint64_t memory) const {
  if (sharers == 1) return memory;
  return std::max<uint64_t>(1, (memory == 0 ? kDefaultMemory : memory) / sharers);
}

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
