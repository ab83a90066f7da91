#include "formats/io/transfer.h"

#include <cerrno>

namespace nibble::io {

Transferred TransferAll(size_t size, absl::FunctionRef<ssize_t(size_t done, size_t remaining)> call) {
  Transferred result;
  while (result.bytes < size) {
    const ssize_t moved = call(result.bytes, size - result.bytes);
    if (moved == 0) break;
    if (moved > 0) {
      result.bytes += static_cast<size_t>(moved);
    } else if (errno != EINTR) {
      result.error = errno;
      break;
    }
  }
  return result;
}

}  // namespace nibble::io
