#include "formats/io/atomic_file.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/io/posix.h"

namespace nibble::io {
namespace {

absl::Status Refuse(absl::string_view path, absl::string_view expected, absl::string_view found) {
  return absl::PermissionDeniedError(absl::StrCat(path, ": expected ", expected, ", found ", found));
}

// Whether there is something at `path`, which then may be replaced.
absl::StatusOr<bool> CheckTarget(FileSystem& files, const std::string& path, const AtomicFile::Options& options) {
  const absl::StatusOr<FileInfo> info = files.Stat(path);
  if (absl::IsNotFound(info.status())) return false;
  NIBBLE_RETURN_IF_ERROR(info.status());
  if (std::find(options.inputs.begin(), options.inputs.end(), info->identity) != options.inputs.end()) {
    return Refuse(path, "an output other than the inputs", "one of them");
  }
  if (info->kind == FileKind::kDirectory) return Refuse(path, "a file to write", "a folder");
  if (info->kind == FileKind::kOther) return Refuse(path, "a file to write", "a FIFO, a device or a socket");
  if (options.force) return true;
  return absl::AlreadyExistsError(absl::StrCat(path, ": expected no such file, found one; --force replaces it"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<AtomicFile>> AtomicFile::Create(FileSystem& files, std::string path, uint64_t size,
                                                               const Options& options) {
  const std::string part = absl::StrCat(path, ".part");
  if (options.joins) {
    NIBBLE_ASSIGN_OR_RETURN(auto shared, OpenShared(part));
    return std::unique_ptr<AtomicFile>(new AtomicFile(files, std::move(path), options, std::move(shared)));
  }
  NIBBLE_RETURN_IF_ERROR(CheckTarget(files, path, options).status());
  // What is in the way is removed or written to, so the rules for the output hold for it as well.
  NIBBLE_RETURN_IF_ERROR(CheckTarget(files, part, {.force = true, .inputs = options.inputs}).status());
  absl::StatusOr<std::unique_ptr<WritableFile>> file = absl::NotFoundError("");
  if (options.resume) file = Reopen(part);
  const bool reopened = file.ok();
  if (absl::IsNotFound(file.status())) file = files.Create(part);
  if (absl::IsAlreadyExists(file.status())) {
    NIBBLE_RETURN_IF_ERROR(files.RemoveAbandoned(part));
    file = files.Create(part);
  }
  NIBBLE_RETURN_IF_ERROR(file.status());
  std::unique_ptr<AtomicFile> output(new AtomicFile(files, std::move(path), options, *std::move(file)));
  output->Keep(reopened);
  NIBBLE_RETURN_IF_ERROR(output->file_->Preallocate(size));
  return output;
}

AtomicFile::AtomicFile(FileSystem& files, std::string path, Options options, std::unique_ptr<WritableFile> file)
    : files_(files),
      path_(std::move(path)),
      part_(file->path()),
      options_(std::move(options)),
      file_(std::move(file)) {}

AtomicFile::~AtomicFile() {
  // Removed before file_ is closed: the lock holds until then, so that it is ours.
  if (!committed_ && !keep_ && !options_.joins) files_.Remove(part_).IgnoreError();
}

absl::Status AtomicFile::Sync() {
  const absl::Status status = file_->Sync();
  if (!status.ok()) {
    sync_failed_ = true;
    Keep(false);
  }
  return status;
}

absl::Status AtomicFile::Commit() {
  if (options_.joins) return file_->Close();
  NIBBLE_ASSIGN_OR_RETURN(const bool replaces, CheckTarget(files_, path_, options_));
  NIBBLE_RETURN_IF_ERROR(Sync());
  // What is replaced changes names with the new file, and goes only when that is safe on the disk.
  const absl::Status status = MoveToPath(replaces ? RenameMode::kExchange : RenameMode::kNew);
  if (!absl::IsUnimplemented(status)) return status;
  NIBBLE_RETURN_IF_ERROR(files_.Rename(part_, path_, RenameMode::kReplace));
  committed_ = true;
  NIBBLE_RETURN_IF_ERROR(files_.SyncDirectory(DirectoryOf(path_)));
  return file_->Close();
}

absl::Status AtomicFile::MoveToPath(RenameMode mode) {
  NIBBLE_RETURN_IF_ERROR(files_.Rename(part_, path_, mode));
  // Closed only now: the lock on the temporary name must outlive that name.
  absl::Status status = files_.SyncDirectory(DirectoryOf(path_));
  if (status.ok()) status = file_->Close();
  if (!status.ok()) {
    files_.Rename(path_, part_, mode).IgnoreError();  // either mode undoes itself
    return status;
  }
  committed_ = true;
  // If this fails a ".part" stays behind, which the next output to this path replaces: the output itself is good.
  if (mode != RenameMode::kExchange) return absl::OkStatus();
  // What stood there may be a link, or a file that we may not read: no nibble's, and in the way of the next output.
  if (absl::IsPermissionDenied(files_.RemoveAbandoned(part_))) files_.Remove(part_).IgnoreError();
  return absl::OkStatus();
}

}  // namespace nibble::io
