// One complete transfer made of system calls that may be interrupted or stop short.
#ifndef NIBBLE_FORMATS_IO_TRANSFER_H_
#define NIBBLE_FORMATS_IO_TRANSFER_H_

#include <sys/types.h>

#include <cstddef>

#include "absl/functional/function_ref.h"

namespace nibble::io {

struct Transferred {
  size_t bytes = 0;
  int error = 0;  // errno of the call that failed; 0 if all was transferred, or the file ended
};

// Calls `call(done, remaining)`, which transfers up to `remaining` bytes as pread and pwrite do, until `size` bytes are
// done, one call returns 0, or one fails with anything but EINTR.
Transferred TransferAll(size_t size, absl::FunctionRef<ssize_t(size_t done, size_t remaining)> call);

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_TRANSFER_H_
