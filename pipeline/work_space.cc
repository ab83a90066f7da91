#include "pipeline/work_space.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "formats/io/work_file.h"

namespace nibble {

absl::Status CheckDirectory(const WorkSpace& work) {
  const absl::StatusOr<io::FileInfo> info = work.files->Stat(work.directory);
  if (info.ok() && info->kind != io::FileKind::kDirectory) {
    return absl::PermissionDeniedError(absl::StrCat(
        work.directory, ": expected a folder, found another kind of file; --work-dir names another folder"));
  }
  return io::WorkFile(*work.files, work.directory).Try();
}

}  // namespace nibble
