#include "formats/io/work_file.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace nibble::io {
namespace {

// No other work file, of this program or another, on this machine or another that shares the folder, has it: at most
// what a program left that ended within a moment.
std::string NewName() {
  static std::atomic<int> made{0};
  char host[HOST_NAME_MAX + 1] = "";
  gethostname(host, HOST_NAME_MAX);
  return absl::StrCat(".nibble-work-", host, "-", getpid(), "-", made++);
}

absl::Status Advised(const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), "; --work-dir names another folder"));
}

}  // namespace

absl::Status WorkFile::Try() {
  NIBBLE_RETURN_IF_ERROR(Advised(Open()));
  writer_.reset();
  reader_.reset();
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> WorkFile::Reserve(uint64_t bytes) {
  const auto fits = [&](const Range& range) { return range.bytes >= bytes; };
  if (const auto found = std::find_if(free_.begin(), free_.end(), fits); found != free_.end()) {
    const uint64_t offset = found->offset;
    *found = {offset + bytes, found->bytes - bytes};
    if (found->bytes == 0) free_.erase(found);
    return offset;
  }
  if (writer_ == nullptr) NIBBLE_RETURN_IF_ERROR(Advised(Open()));
  NIBBLE_RETURN_IF_ERROR(Advised(writer_->Preallocate(bytes_ + bytes)));
  const uint64_t offset = bytes_;
  bytes_ += bytes;
  return offset;
}

void WorkFile::Release(uint64_t offset, uint64_t bytes) { free_.push_back({offset, bytes}); }

absl::Status WorkFile::WriteAt(uint64_t offset, absl::Span<const std::byte> data) {
  return Advised(writer_->WriteAt(offset, data));
}

absl::Status WorkFile::ReadAt(uint64_t offset, absl::Span<std::byte> out) const { return reader_->ReadAt(offset, out); }

absl::Status WorkFile::Open() {
  const std::string path = JoinPath(directory_, NewName());
  NIBBLE_RETURN_IF_ERROR(files_.RemoveAbandoned(path));
  NIBBLE_ASSIGN_OR_RETURN(auto writer, files_.Create(path));
  absl::StatusOr<std::unique_ptr<ReadableFile>> reader = files_.Open(path);
  const absl::Status removed = files_.Remove(path);
  NIBBLE_RETURN_IF_ERROR(reader.status());
  NIBBLE_RETURN_IF_ERROR(removed);
  writer_ = std::move(writer);
  reader_ = *std::move(reader);
  return absl::OkStatus();
}

}  // namespace nibble::io
