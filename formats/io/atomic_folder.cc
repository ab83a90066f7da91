#include "formats/io/atomic_folder.h"

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

// Whether the folder holds files alone, among them a config.json, and none of the inputs.
absl::Status CheckReplaceable(FileSystem& files, const std::string& path, const std::vector<FileIdentity>& inputs) {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(path));
  if (!std::binary_search(names.begin(), names.end(), "config.json")) {
    return Refuse(path, "the folder of a model to replace", "one without config.json");
  }
  for (const std::string& name : names) {
    NIBBLE_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(JoinPath(path, name)));
    if (std::find(inputs.begin(), inputs.end(), info.identity) != inputs.end()) {
      return Refuse(path, "an output other than the inputs", absl::StrCat(name, ", which is one of them"));
    }
    if (info.kind == FileKind::kRegular || info.kind == FileKind::kBrokenLink) continue;
    return Refuse(path, "a folder of files alone to replace", absl::StrCat(name, ", which is none"));
  }
  return absl::OkStatus();
}

// Whether there is a folder at `path`, which then may be replaced.
absl::StatusOr<bool> CheckTarget(FileSystem& files, const std::string& path, const AtomicFolder::Options& options) {
  const absl::StatusOr<FileInfo> info = files.Stat(path);
  if (absl::IsNotFound(info.status())) return false;
  NIBBLE_RETURN_IF_ERROR(info.status());
  if (info->kind != FileKind::kDirectory) return Refuse(path, "a folder to write", "a file");
  if (!options.force) {
    return absl::AlreadyExistsError(absl::StrCat(path, ": expected no such folder, found one; --force replaces it"));
  }
  NIBBLE_RETURN_IF_ERROR(CheckReplaceable(files, path, options.inputs));
  return true;
}

// All files of the folder, and the folder. OK if there is none.
absl::Status RemoveFolder(FileSystem& files, const std::string& path) {
  if (absl::IsNotFound(files.Stat(path).status())) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(path));
  for (const std::string& name : names) NIBBLE_RETURN_IF_ERROR(files.RemoveAbandoned(JoinPath(path, name)));
  return files.Remove(path);
}

// The folder that was replaced: its files may be links.
void RemoveReplaced(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::vector<std::string>> names = files.List(path);
  if (!names.ok()) return;
  for (const std::string& name : *names) files.Remove(JoinPath(path, name)).IgnoreError();
  files.Remove(path).IgnoreError();
}

}  // namespace

absl::StatusOr<std::unique_ptr<AtomicFolder>> AtomicFolder::Create(FileSystem& files, std::string path,
                                                                   const Options& options) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (options.joins) return std::unique_ptr<AtomicFolder>(new AtomicFolder(files, std::move(path), options));
  NIBBLE_RETURN_IF_ERROR(CheckTarget(files, path, options).status());
  std::unique_ptr<AtomicFolder> folder(new AtomicFolder(files, std::move(path), options));
  folder->Keep(true);  // until it is ours
  const bool resumes = options.resume && files.Stat(folder->part_).ok();
  if (!resumes) NIBBLE_RETURN_IF_ERROR(RemoveFolder(files, folder->part_));
  NIBBLE_RETURN_IF_ERROR(files.MakeDirectory(folder->part_));
  folder->Keep(resumes);
  return folder;
}

AtomicFolder::~AtomicFolder() {
  if (committed_ || keep_ || options_.joins) return;
  // Removed before they are closed: the locks hold until then, so that they are ours.
  for (const auto& file : open_) files_.Remove(file->path()).IgnoreError();
  files_.Remove(part_).IgnoreError();
}

absl::StatusOr<WritableFile*> AtomicFolder::Add(const std::string& name, uint64_t size) {
  NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, OpenOrCreate(JoinPath(part_, name)));
  open_.push_back(std::move(file));
  if (!options_.joins) NIBBLE_RETURN_IF_ERROR(open_.back()->Preallocate(size));
  return open_.back().get();
}

absl::StatusOr<std::unique_ptr<WritableFile>> AtomicFolder::OpenOrCreate(const std::string& path) {
  if (options_.joins) return OpenShared(path);
  if (!options_.resume) return files_.Create(path);
  absl::StatusOr<std::unique_ptr<WritableFile>> file = Reopen(path);
  if (!absl::IsNotFound(file.status())) return file;
  NIBBLE_RETURN_IF_ERROR(files_.RemoveAbandoned(path));
  return files_.Create(path);
}

absl::Status AtomicFolder::Sync() {
  for (const auto& file : open_) {
    const absl::Status status = file->Sync();
    if (status.ok()) continue;
    sync_failed_ = true;
    Keep(false);
    return status;
  }
  return files_.SyncDirectory(part_);
}

// What an earlier run left and this one did not ask for.
absl::Status AtomicFolder::RemoveOthers() {
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.List(part_));
  for (const std::string& name : names) {
    const std::string path = JoinPath(part_, name);
    const bool ours = std::any_of(open_.begin(), open_.end(), [&](const auto& file) { return file->path() == path; });
    if (!ours) NIBBLE_RETURN_IF_ERROR(files_.RemoveAbandoned(path));
  }
  return absl::OkStatus();
}

absl::Status AtomicFolder::Commit() {
  if (options_.joins) {
    for (const auto& file : open_) NIBBLE_RETURN_IF_ERROR(file->Close());
    return absl::OkStatus();
  }
  NIBBLE_ASSIGN_OR_RETURN(const bool replaces, CheckTarget(files_, path_, options_));
  if (options_.resume) NIBBLE_RETURN_IF_ERROR(RemoveOthers());
  NIBBLE_RETURN_IF_ERROR(Sync());
  return MoveToPath(replaces);
}

absl::Status AtomicFolder::MoveToPath(bool replaces) {
  // What is replaced changes names with the new folder, and goes only when that is safe on the disk.
  const RenameMode mode = replaces ? RenameMode::kExchange : RenameMode::kNew;
  NIBBLE_RETURN_IF_ERROR(files_.Rename(part_, path_, mode));
  absl::Status status = files_.SyncDirectory(DirectoryOf(path_));
  for (const auto& file : open_) status.Update(file->Close());
  if (!status.ok()) {
    files_.Rename(path_, part_, mode).IgnoreError();  // either mode undoes itself
    return status;
  }
  committed_ = true;
  if (replaces) RemoveReplaced(files_, part_);
  return absl::OkStatus();
}

}  // namespace nibble::io
