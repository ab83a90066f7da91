// An output file that appears at its final path complete and synced, or not at all.
//
//   NIBBLE_ASSIGN_OR_RETURN(auto out, AtomicFile::Create(files, path, size, {.force = force, .inputs = identities}));
//   out->file().WriteAt(...);
//   NIBBLE_RETURN_IF_ERROR(out->Commit());
//
// The bytes go to "<path>.part" beside it, reserved at full size before the first write and locked, so that of two
// writers the second is told. Commit() syncs, renames and syncs the folder. Without Commit() the destructor removes the
// temporary file, unless it is kept; one that is there is replaced by the next, or taken up with `resume`.
#ifndef NIBBLE_FORMATS_IO_ATOMIC_FILE_H_
#define NIBBLE_FORMATS_IO_ATOMIC_FILE_H_

#include <memory>
#include <string>
#include <vector>

#include "formats/io/file.h"

namespace nibble::io {

class AtomicFile {
 public:
  struct Options {
    bool force = false;                // replace a regular file, or a link, that is there already
    bool resume = false;               // go on with a temporary file that is there already; it is kept then
    std::vector<FileIdentity> inputs;  // files that the output must not be, whatever they are called
    // Write to the temporary file that another process has, which alone reserves, renames and removes it: here Commit()
    // closes it, and nothing else changes.
    bool joins = false;
  };

  // kAlreadyExists if `path` exists and not `force`; kPermissionDenied if it is one of the inputs (through links too),
  // is neither a regular file nor a link, or cannot be created; kAborted if another program is writing it;
  // kUnavailable if the disk has no room for `size` bytes.
  static absl::StatusOr<std::unique_ptr<AtomicFile>> Create(FileSystem& files, std::string path, uint64_t size,
                                                            const Options& options);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  WritableFile& file() { return *file_; }

  // What was written is on the disk when it returns OK.
  absl::Status Sync();

  // Whether the temporary file stays where this ends without Commit(): never after a sync that failed, since what the
  // disk holds then is not what is read. Returns that.
  bool Keep(bool keep) { return keep_ = keep && !sync_failed_; }

  // REQUIRES: called once, after the last write. Checks `path` again as Create() did. On error the final path is as it
  // was before. (One exception: a file system that cannot exchange two names, and then fails to sync its folder.)
  absl::Status Commit();

 private:
  AtomicFile(FileSystem& files, std::string path, Options options, std::unique_ptr<WritableFile> file);

  absl::Status MoveToPath(RenameMode mode);

  FileSystem& files_;
  const std::string path_;
  const std::string part_;  // the temporary file; no longer ours once committed_
  const Options options_;
  std::unique_ptr<WritableFile> file_;
  bool committed_ = false;
  bool keep_ = false;
  bool sync_failed_ = false;
};

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_ATOMIC_FILE_H_
