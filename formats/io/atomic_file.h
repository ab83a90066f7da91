// An output file that appears at its final path complete and synced, or not at all.
//
//   NIBBLE_ASSIGN_OR_RETURN(auto out, AtomicFile::Create(files, path, size, {.force = force, .inputs = identities}));
//   out->file().WriteAt(...);
//   NIBBLE_RETURN_IF_ERROR(out->Commit());
//
// The bytes go to "<path>.part" beside it, reserved at full size before the first write. Commit() syncs, renames and
// syncs the folder. Without Commit() the destructor removes the temporary file.
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
    bool force = false;                // replace a file that is there already
    std::vector<FileIdentity> inputs;  // files that the output must not be, whatever they are called
  };

  // kAlreadyExists if `path` exists and not `force`; kPermissionDenied if it is one of the inputs (through links too)
  // or cannot be created; kUnavailable if the disk has no room for `size` bytes.
  static absl::StatusOr<std::unique_ptr<AtomicFile>> Create(FileSystem& files, std::string path, uint64_t size,
                                                            const Options& options);
  ~AtomicFile();

  WritableFile& file() { return *file_; }

  // REQUIRES: called once, after the last write. On error the final path is as it was before.
  absl::Status Commit();

 private:
  AtomicFile(FileSystem& files, std::string path, std::unique_ptr<WritableFile> file);

  FileSystem& files_;
  std::string path_;
  std::unique_ptr<WritableFile> file_;
};

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_ATOMIC_FILE_H_
