// The operating system's files (io::Posix()).
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/io/errno_status.h"
#include "formats/io/file.h"
#include "formats/io/transfer.h"

namespace nibble::io {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // 0, or errno. Never tried again: after a failed close the descriptor is gone all the same.
  int Close() { return ::close(std::exchange(fd_, -1)) == 0 ? 0 : errno; }

 private:
  int fd_;
};

template <typename Call>
int RetryInterrupted(Call call) {
  int result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

FileDescriptor OpenDescriptor(const std::string& path, int flags) {
  return FileDescriptor(RetryInterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); }));
}

int64_t ModifiedTime(const struct stat& stat) {
  return int64_t{stat.st_mtim.tv_sec} * 1'000'000'000 + stat.st_mtim.tv_nsec;
}

FileInfo ToInfo(const struct stat& stat) {
  FileInfo info;
  info.kind = S_ISREG(stat.st_mode)   ? FileKind::kRegular
              : S_ISDIR(stat.st_mode) ? FileKind::kDirectory
              : S_ISLNK(stat.st_mode) ? FileKind::kBrokenLink
                                      : FileKind::kOther;
  info.size = static_cast<uint64_t>(stat.st_size);
  info.identity = {static_cast<uint64_t>(stat.st_dev), static_cast<uint64_t>(stat.st_ino)};
  return info;
}

absl::string_view KindText(FileKind kind) {
  switch (kind) {
    case FileKind::kRegular:
      return "a regular file";
    case FileKind::kDirectory:
      return "a folder";
    case FileKind::kOther:
      return "a FIFO, a device or a socket";
    case FileKind::kBrokenLink:
      return "a link that leads nowhere";
  }
  return "";
}

// Offsets past what the system can address never reach it.
bool Addressable(uint64_t offset, uint64_t size) {
  constexpr uint64_t kEnd = std::numeric_limits<off_t>::max();
  return offset <= kEnd && size <= kEnd - offset;
}

std::string PlaceOf(const std::string& path, uint64_t offset) { return absl::StrCat(path, ": byte ", offset); }

// A large read is likely followed by the next: the disk may begin with it, and write behind a large write, while the
// program computes. Only hints: what they return does not matter.
constexpr size_t kLarge = 64 << 10, kReadAhead = 1 << 20;

void ReadAhead(int fd, uint64_t end, size_t size) {
  if (size >= kLarge) ::posix_fadvise(fd, static_cast<off_t>(end), kReadAhead, POSIX_FADV_WILLNEED);
}

void WriteBehind(int fd, uint64_t offset, size_t size) {
  if (size >= kLarge) {
    ::sync_file_range(fd, static_cast<off_t>(offset), static_cast<off_t>(size), SYNC_FILE_RANGE_WRITE);
  }
}

class PosixReadableFile : public ReadableFile {
 public:
  PosixReadableFile(std::string path, FileDescriptor fd, const struct stat& stat)
      : path_(std::move(path)), fd_(std::move(fd)), info_(ToInfo(stat)), modified_(ModifiedTime(stat)) {}

  absl::Status ReadAt(uint64_t offset, absl::Span<std::byte> out) const override {
    if (out.empty()) return absl::OkStatus();
    const std::string expected = absl::StrCat(out.size(), " bytes");
    if (!Addressable(offset, out.size())) return BadData(PlaceOf(path_, offset), expected, "the end of the file");
    const Transferred read = TransferAll(out.size(), [&](size_t done, size_t remaining) {
      return ::pread(fd_.get(), out.data() + done, remaining, static_cast<off_t>(offset + done));
    });
    if (read.error) return TransferError(read.error, PlaceOf(path_, offset + read.bytes), expected);
    if (read.bytes < out.size()) {
      return BadData(PlaceOf(path_, offset), expected, absl::StrCat("the end of the file after ", read.bytes));
    }
    ReadAhead(fd_.get(), offset + out.size(), out.size());
    return absl::OkStatus();
  }

  const std::string& path() const override { return path_; }
  const FileInfo& info() const override { return info_; }

  int64_t modified() const { return modified_; }

  absl::Status CheckUnchanged() const {
    struct stat stat;
    if (::fstat(fd_.get(), &stat) != 0) return TransferError(errno, path_, "to look at it again");
    const FileInfo now = ToInfo(stat);
    if (now.size == info_.size && ModifiedTime(stat) == modified_) return absl::OkStatus();
    return BadData(path_, "no change while it is read",
                   now.size == info_.size ? "that it was written to"
                                          : absl::StrCat(now.size, " bytes, and ", info_.size, " before"));
  }

 private:
  const std::string path_;
  const FileDescriptor fd_;
  const FileInfo info_;
  const int64_t modified_;
};

class PosixWritableFile : public WritableFile {
 public:
  PosixWritableFile(std::string path, FileDescriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  absl::Status WriteAt(uint64_t offset, absl::Span<const std::byte> data) override {
    const std::string expected = absl::StrCat("to write ", data.size(), " bytes");
    if (!Addressable(offset, data.size())) return TransferError(EFBIG, PlaceOf(path_, offset), expected);
    const Transferred written = TransferAll(data.size(), [&](size_t done, size_t remaining) {
      return ::pwrite(fd_.get(), data.data() + done, remaining, static_cast<off_t>(offset + done));
    });
    if (written.bytes == data.size()) {
      WriteBehind(fd_.get(), offset, data.size());
      return absl::OkStatus();
    }
    return TransferError(written.error ? written.error : ENOSPC, PlaceOf(path_, offset + written.bytes), expected);
  }

  absl::Status Preallocate(uint64_t size) override {
    const std::string expected = absl::StrCat("room for ", size, " bytes");
    if (!Addressable(0, size)) return TransferError(EFBIG, path_, expected);
    const off_t length = static_cast<off_t>(size);
    // fallocate, and not posix_fallocate: where the file system cannot reserve, the latter writes the whole file.
    if (size == 0 || RetryInterrupted([&] { return ::fallocate(fd_.get(), 0, 0, length); }) == 0) {
      return Resize(length, expected);
    }
    if (errno != EOPNOTSUPP && errno != ENOSYS) return TransferError(errno, path_, expected);
    struct statvfs disk;
    if (::fstatvfs(fd_.get(), &disk) == 0 && disk.f_bavail < size / std::max<uint64_t>(disk.f_frsize, 1)) {
      return TransferError(ENOSPC, path_, expected);
    }
    return Resize(length, expected);
  }

  absl::Status Sync() override {
    // Once only: after a failed fsync the pages count as clean, so that a second one would report success.
    if (::fsync(fd_.get()) == 0) return absl::OkStatus();
    return TransferError(errno, path_, "to sync it to the disk");
  }

  absl::Status Close() override {
    if (!fd_.ok()) return absl::OkStatus();
    const int error = fd_.Close();
    return error ? TransferError(error, path_, "to close it") : absl::OkStatus();
  }

  const std::string& path() const override { return path_; }

 private:
  absl::Status Resize(off_t length, absl::string_view expected) {
    if (RetryInterrupted([&] { return ::ftruncate(fd_.get(), length); }) == 0) return absl::OkStatus();
    return TransferError(errno, path_, expected);
  }

  const std::string path_;
  FileDescriptor fd_;
};

bool StillNamed(const FileDescriptor& fd, const std::string& path) {
  struct stat open, named;
  return ::fstat(fd.get(), &open) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         ToInfo(open).identity == ToInfo(named).identity;
}

absl::Status BusyError(const std::string& path) {
  return absl::AbortedError(absl::StrCat(path, ": expected no writer, found another nibble writing it"));
}

// The file that a stopped nibble left; kNotFound if there is none, kAborted if it has not stopped.
absl::StatusOr<FileDescriptor> LockAbandoned(const std::string& path, int access) {
  FileDescriptor fd = OpenDescriptor(path, access | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  if (!fd.ok()) {
    if (errno == ENOENT) return absl::NotFoundError(absl::StrCat(path, ": expected a file, found none"));
    return OutputError(errno, path, "what a stopped nibble left, or nothing");
  }
  struct stat stat;
  if (::fstat(fd.get(), &stat) != 0 || !S_ISREG(stat.st_mode)) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": expected what a stopped nibble left, or nothing, found no regular file"));
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return BusyError(path);
    return absl::AbortedError(absl::StrCat(path, ": expected to find out whether its writer lives, found: ",
                                           ErrnoText(errno), "; remove it if no nibble is running"));
  }
  // The lock counts only if the name still leads to the locked file; if not, somebody else was faster.
  if (!StillNamed(fd, path)) return BusyError(path);
  return fd;
}

class PosixFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override {
    // O_NONBLOCK: opening a FIFO must not wait for a writer, it is refused right below.
    FileDescriptor fd = OpenDescriptor(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    struct stat stat;
    if (!fd.ok() || ::fstat(fd.get(), &stat) != 0) {
      // A socket, or a device without its driver.
      if (errno == ENXIO || errno == ENODEV) return BadData(path, "a regular file", KindText(FileKind::kOther));
      return InputError(errno, path, "a file that can be read");
    }
    const FileInfo info = ToInfo(stat);
    if (info.kind != FileKind::kRegular) return BadData(path, "a regular file", KindText(info.kind));
    return std::make_unique<PosixReadableFile>(path, std::move(fd), stat);
  }

  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    FileDescriptor fd = OpenDescriptor(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (!fd.ok()) {
      const int error = errno;
      // What is wrong is most often the folder: name it.
      if (error == ENOENT || error == ENOTDIR || error == EACCES || error == EROFS) {
        return OutputError(error, DirectoryOf(path), "a folder that can be written to");
      }
      return OutputError(error, path, "to create it");
    }
    // Between the two calls somebody's RemoveAbandoned() may have taken the file for a dead one's. Where a file system
    // has no locks, the file is written without: RemoveAbandoned() then does not touch it.
    const bool taken = ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (taken || !StillNamed(fd, path)) return BusyError(path);
    return std::make_unique<PosixWritableFile>(path, std::move(fd));
  }

  absl::Status RemoveAbandoned(const std::string& path) override {
    const absl::StatusOr<FileDescriptor> fd = LockAbandoned(path, O_RDONLY);
    if (absl::IsNotFound(fd.status())) return absl::OkStatus();
    NIBBLE_RETURN_IF_ERROR(fd.status());
    return Remove(path);
  }

  absl::StatusOr<FileInfo> Stat(const std::string& path) override {
    struct stat stat;
    if (::stat(path.c_str(), &stat) == 0) return ToInfo(stat);
    const bool may_be_link = errno == ENOENT || errno == ELOOP;
    if (may_be_link && ::lstat(path.c_str(), &stat) == 0) return ToInfo(stat);
    return InputError(errno, path, "a file or a folder");
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    if (!stream) return InputError(errno, directory, "a folder that can be read");
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
      const absl::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return InputError(errno, directory, "a folder that can be read");
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::Status Rename(const std::string& from, const std::string& to, RenameMode mode) override {
    const unsigned flags = mode == RenameMode::kNew        ? RENAME_NOREPLACE
                           : mode == RenameMode::kExchange ? RENAME_EXCHANGE
                                                           : 0;
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0) return absl::OkStatus();
    const bool flags_unsupported = flags != 0 && (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP);
    if (!flags_unsupported) return OutputError(errno, to, absl::StrCat("to rename ", from, " to it"));
    if (mode == RenameMode::kExchange) {
      return absl::UnimplementedError(absl::StrCat(to, ": expected a file system that can exchange two files"));
    }
    struct stat stat;
    if (::lstat(to.c_str(), &stat) == 0) return OutputError(EEXIST, to, absl::StrCat("to rename ", from, " to it"));
    return Rename(from, to, RenameMode::kReplace);
  }

  absl::Status Remove(const std::string& path) override {
    if (std::remove(path.c_str()) == 0) return absl::OkStatus();
    return OutputError(errno, path, "to remove it");
  }

  absl::Status MakeDirectory(const std::string& path) override {
    struct stat stat;
    if (::mkdir(path.c_str(), 0777) == 0) return absl::OkStatus();
    const int error = errno;
    if (error == EEXIST && ::stat(path.c_str(), &stat) == 0 && S_ISDIR(stat.st_mode)) return absl::OkStatus();
    return OutputError(error, path, "to create the folder");
  }

  absl::Status SyncDirectory(const std::string& path) override {
    const FileDescriptor fd = OpenDescriptor(path, O_RDONLY | O_DIRECTORY);
    if (!fd.ok()) return TransferError(errno, path, "to sync the folder");
    // Some network and user-space file systems cannot sync a folder (EINVAL): there is nothing to wait for then.
    if (::fsync(fd.get()) == 0 || errno == EINVAL) return absl::OkStatus();
    return TransferError(errno, path, "to sync the folder");
  }
};

}  // namespace

FileSystem& Posix() {
  static PosixFileSystem files;
  return files;
}

// Of posix.h, which is known above alone.

absl::StatusOr<std::unique_ptr<WritableFile>> Reopen(const std::string& path) {
  NIBBLE_ASSIGN_OR_RETURN(FileDescriptor fd, LockAbandoned(path, O_RDWR));
  struct stat stat;
  if (::fstat(fd.get(), &stat) != 0 || stat.st_nlink != 1) {
    return absl::NotFoundError(absl::StrCat(path, ": expected a file with one name, found several"));
  }
  return std::make_unique<PosixWritableFile>(path, std::move(fd));
}

absl::StatusOr<std::unique_ptr<WritableFile>> OpenShared(const std::string& path) {
  // Not for reading: a network file system could read what is around a range, and write it back over what another
  // machine has put there since.
  FileDescriptor fd = OpenDescriptor(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  if (!fd.ok()) return InputError(errno, path, "the file that another process has made");
  struct stat stat;
  if (::fstat(fd.get(), &stat) != 0 || !S_ISREG(stat.st_mode)) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": expected the file that another process has made, found no regular file"));
  }
  return std::make_unique<PosixWritableFile>(path, std::move(fd));
}

int64_t ModifiedTime(const ReadableFile& file) {
  const auto* posix = dynamic_cast<const PosixReadableFile*>(&file);
  return posix == nullptr ? 0 : posix->modified();
}

absl::Status CheckUnchanged(const ReadableFile& file) {
  const auto* posix = dynamic_cast<const PosixReadableFile*>(&file);
  return posix == nullptr ? absl::OkStatus() : posix->CheckUnchanged();
}

}  // namespace nibble::io
