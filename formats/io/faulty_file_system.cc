#include "formats/io/faulty_file_system.h"

#include <utility>

#include "base/status.h"

namespace nibble::io {
namespace {

class FaultyReadableFile : public ReadableFile {
 public:
  FaultyReadableFile(FaultyFileSystem& files, std::unique_ptr<ReadableFile> base)
      : files_(files), base_(std::move(base)) {}

  absl::Status ReadAt(uint64_t offset, absl::Span<std::byte> out) const override {
    const absl::Status fault = files_.Count(Call::kRead);
    NIBBLE_RETURN_IF_ERROR(base_->ReadAt(offset, fault.ok() ? out : out.first(out.size() / 2)));
    return fault;
  }
  const std::string& path() const override { return base_->path(); }
  const FileInfo& info() const override { return base_->info(); }

 private:
  FaultyFileSystem& files_;
  const std::unique_ptr<ReadableFile> base_;
};

class FaultyWritableFile : public WritableFile {
 public:
  FaultyWritableFile(FaultyFileSystem& files, std::unique_ptr<WritableFile> base)
      : files_(files), base_(std::move(base)) {}

  absl::Status WriteAt(uint64_t offset, absl::Span<const std::byte> data) override {
    const absl::Status fault = files_.Count(Call::kWrite);
    NIBBLE_RETURN_IF_ERROR(base_->WriteAt(offset, fault.ok() ? data : data.first(data.size() / 2)));
    return fault;
  }
  absl::Status Preallocate(uint64_t size) override {
    NIBBLE_RETURN_IF_ERROR(files_.Count(Call::kPreallocate));
    return base_->Preallocate(size);
  }
  absl::Status Sync() override {
    NIBBLE_RETURN_IF_ERROR(files_.Count(Call::kSync));
    return base_->Sync();
  }
  absl::Status Close() override {
    // A close that fails has closed all the same.
    const absl::Status fault = files_.Count(Call::kClose);
    NIBBLE_RETURN_IF_ERROR(base_->Close());
    return fault;
  }
  const std::string& path() const override { return base_->path(); }

 private:
  FaultyFileSystem& files_;
  const std::unique_ptr<WritableFile> base_;
};

}  // namespace

void FaultyFileSystem::FailNth(Call call, int n, absl::Status error) {
  absl::MutexLock lock(&mutex_);
  faults_[static_cast<size_t>(call)] = {.calls = 0, .fail_at = n, .error = std::move(error)};
}

int FaultyFileSystem::calls(Call call) const {
  absl::MutexLock lock(&mutex_);
  return faults_[static_cast<size_t>(call)].calls;
}

absl::Status FaultyFileSystem::Count(Call call) {
  absl::MutexLock lock(&mutex_);
  Fault& fault = faults_[static_cast<size_t>(call)];
  return ++fault.calls == fault.fail_at ? fault.error : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ReadableFile>> FaultyFileSystem::Open(const std::string& path) {
  NIBBLE_RETURN_IF_ERROR(Count(Call::kOpen));
  NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<ReadableFile> file, base_.Open(path));
  return std::make_unique<FaultyReadableFile>(*this, std::move(file));
}

absl::StatusOr<std::unique_ptr<WritableFile>> FaultyFileSystem::Create(const std::string& path) {
  NIBBLE_RETURN_IF_ERROR(Count(Call::kCreate));
  NIBBLE_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, base_.Create(path));
  return std::make_unique<FaultyWritableFile>(*this, std::move(file));
}

absl::Status FaultyFileSystem::RemoveAbandoned(const std::string& path) {
  NIBBLE_RETURN_IF_ERROR(Count(Call::kRemoveAbandoned));
  return base_.RemoveAbandoned(path);
}

absl::StatusOr<FileInfo> FaultyFileSystem::Stat(const std::string& path) {
  NIBBLE_RETURN_IF_ERROR(Count(Call::kStat));
  return base_.Stat(path);
}

absl::StatusOr<std::vector<std::string>> FaultyFileSystem::List(const std::string& directory) {
  NIBBLE_RETURN_IF_ERROR(Count(Call::kList));
  return base_.List(directory);
}

absl::Status FaultyFileSystem::Rename(const std::string& from, const std::string& to, RenameMode mode) {
  NIBBLE_RETURN_IF_ERROR(Count(Call::kRename));
  return base_.Rename(from, to, mode);
}

absl::Status FaultyFileSystem::Remove(const std::string& path) {
  NIBBLE_RETURN_IF_ERROR(Count(Call::kRemove));
  return base_.Remove(path);
}

absl::Status FaultyFileSystem::MakeDirectory(const std::string& path) {
  NIBBLE_RETURN_IF_ERROR(Count(Call::kMakeDirectory));
  return base_.MakeDirectory(path);
}

absl::Status FaultyFileSystem::SyncDirectory(const std::string& path) {
  NIBBLE_RETURN_IF_ERROR(Count(Call::kSyncDirectory));
  return base_.SyncDirectory(path);
}

}  // namespace nibble::io
