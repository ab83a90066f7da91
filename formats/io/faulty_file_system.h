// A file system for tests whose calls fail on demand.
//
//   FaultyFileSystem files(Posix());
//   files.FailNth(Call::kWrite, 3, absl::UnavailableError("disk full"));
//
// A read or write that fails transfers the first half of its bytes before.
#ifndef NIBBLE_FORMATS_IO_FAULTY_FILE_SYSTEM_H_
#define NIBBLE_FORMATS_IO_FAULTY_FILE_SYSTEM_H_

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "formats/io/file.h"

namespace nibble::io {

enum class Call {
  kOpen,
  kRead,
  kCreate,
  kWrite,
  kPreallocate,
  kSync,
  kClose,
  kStat,
  kList,
  kRename,
  kRemove,
  kRemoveAbandoned,
  kMakeDirectory,
  kSyncDirectory,
};
inline constexpr int kCalls = 14;

// Thread-safe. Outlives the files it opens.
class FaultyFileSystem : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& base) : base_(base) {}

  // The `n`th call (1, 2, ...) of this kind from now on fails with `error`; the others do what `base` does. Replaces
  // what was said before of this kind.
  void FailNth(Call call, int n, absl::Status error);
  // How many calls of this kind there were since the last FailNth() of it.
  int calls(Call call) const;

  absl::StatusOr<std::unique_ptr<ReadableFile>> Open(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  absl::Status RemoveAbandoned(const std::string& path) override;
  absl::StatusOr<FileInfo> Stat(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status Rename(const std::string& from, const std::string& to, RenameMode mode) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status MakeDirectory(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;

  // Counts one call; the error if it is the one that is to fail. For the files.
  absl::Status Count(Call call);

 private:
  struct Fault {
    int calls = 0;
    int fail_at = 0;  // 0: never
    absl::Status error;
  };

  FileSystem& base_;
  mutable absl::Mutex mutex_;
  std::array<Fault, kCalls> faults_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_FAULTY_FILE_SYSTEM_H_
