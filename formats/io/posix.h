// What can be asked of the operating system's files alone: to go on where a stopped program was, and whether an input
// stays what it was.
#ifndef NIBBLE_FORMATS_IO_POSIX_H_
#define NIBBLE_FORMATS_IO_POSIX_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/io/file.h"

namespace nibble::io {

// A file that Posix().Create() made for a program which has ended since, as it was left, and locked. kNotFound if there
// is none, or if it has a second name: writing to it would change what that leads to. kAborted if its writer lives, or
// if that cannot be told.
absl::StatusOr<std::unique_ptr<WritableFile>> Reopen(const std::string& path);

// A file that another process has made and locked, to write to other ranges of it than that does: it alone reserves,
// renames and removes it. kNotFound if there is none.
absl::StatusOr<std::unique_ptr<WritableFile>> OpenShared(const std::string& path);

// When the file's bytes last changed before it was opened: nanoseconds, by the file system's clock. 0 if `file` is not
// the operating system's.
int64_t ModifiedTime(const ReadableFile& file);

// kDataLoss if its size or that time is another now: for jobs that read it piece by piece. OK if it is not the
// operating system's.
absl::Status CheckUnchanged(const ReadableFile& file);

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_POSIX_H_
