// Files, behind one interface, so that tests can make every call fail (faulty_file_system.h).
//
// Reads and writes are positioned and complete: they transfer exactly what was asked, or say where and why not.
// Nothing here maps a file into memory: an input that is cut while the program runs is an error, not a signal.
#ifndef NIBBLE_FORMATS_IO_FILE_H_
#define NIBBLE_FORMATS_IO_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace nibble::io {

// Which file it is, whatever its name: equal for two paths that lead to one file.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

enum class FileKind {
  kRegular,
  kDirectory,
  kOther,       // a FIFO, a device, a socket
  kBrokenLink,  // a symbolic link that leads nowhere; size and identity are the link's own
};

struct FileInfo {
  FileKind kind = FileKind::kOther;
  uint64_t size = 0;
  FileIdentity identity;
};

enum class RenameMode {
  kReplace,   // what was called `to` is gone afterwards
  kNew,       // kAlreadyExists if there is something called `to`
  kExchange,  // both exist and swap their names; kUnimplemented where the file system cannot
};

// Thread-safe.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;

  // Fills `out` from byte `offset` on. kDataLoss if the file ends before (also if it was cut after it was opened),
  // kUnavailable if the system cannot read it; both name path and offset.
  virtual absl::Status ReadAt(uint64_t offset, absl::Span<std::byte> out) const = 0;

  virtual const std::string& path() const = 0;
  virtual const FileInfo& info() const = 0;  // as it was when opened
};

// Concurrent WriteAt calls on ranges that do not overlap are safe; nothing else is.
class WritableFile {
 public:
  virtual ~WritableFile() = default;  // closes; errors are lost: call Close()

  virtual absl::Status WriteAt(uint64_t offset, absl::Span<const std::byte> data) = 0;
  // Reserves `size` bytes on the disk and makes the file that long. kUnavailable if there is no room.
  virtual absl::Status Preallocate(uint64_t size) = 0;
  virtual absl::Status Sync() = 0;  // data and metadata are on the disk when it returns OK
  virtual absl::Status Close() = 0;
  virtual const std::string& path() const = 0;
};

// Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // kNotFound if there is nothing, kDataLoss if it is not a regular file (a folder, a FIFO, a device). Links are
  // followed.
  virtual absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) = 0;
  // A new, empty file, locked until it is closed so that RemoveAbandoned() knows that somebody is at work.
  // kAlreadyExists if there is one, kPermissionDenied if the folder is missing or read-only.
  virtual absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) = 0;
  // Removes a file that Create() made for a program which has ended since; OK if there is none. kAborted if its writer
  // lives, or if that cannot be told.
  virtual absl::Status RemoveAbandoned(const std::string& path) = 0;
  virtual absl::StatusOr<FileInfo> Stat(const std::string& path) = 0;  // follows links; kNotFound if nothing is there
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;  // names, sorted
  virtual absl::Status Rename(const std::string& from, const std::string& to, RenameMode mode) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status MakeDirectory(const std::string& path) = 0;  // OK if it is one already
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
};

// The operating system's files. Lives as long as the program.
FileSystem& Posix();

// The whole file as text; kDataLoss if it is longer than `limit` bytes.
absl::StatusOr<std::string> ReadWholeFile(FileSystem& files, const std::string& path, uint64_t limit);

// "dir/name" (or "name" if dir is empty).
std::string JoinPath(const std::string& directory, const std::string& name);

// The folder that `path` lies in: "." for a bare name.
std::string DirectoryOf(const std::string& path);

// The last part of `path`, without a slash at its end.
absl::string_view Basename(absl::string_view path);

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_FILE_H_
