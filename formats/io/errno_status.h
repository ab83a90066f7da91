// errno as a status: what the system refused, in the words of base/status.h.
#ifndef NIBBLE_FORMATS_IO_ERRNO_STATUS_H_
#define NIBBLE_FORMATS_IO_ERRNO_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace nibble::io {

// "No space left on device", whatever the locale.
absl::string_view ErrnoText(int error);

// An input that cannot be opened or looked at: kNotFound (exit code 66), unless the system ran out of something.
absl::Status InputError(int error, absl::string_view path, absl::string_view expected);

// An output that cannot be created, renamed or removed: kPermissionDenied or kAlreadyExists (73), unless the system
// ran out of something or the disk failed.
absl::Status OutputError(int error, absl::string_view path, absl::string_view expected);

// A transfer or a sync that failed: kUnavailable (74).
absl::Status TransferError(int error, absl::string_view place, absl::string_view expected);

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_ERRNO_STATUS_H_
