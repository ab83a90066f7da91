// The SHA-256 of every tensor of an output that is being written, in whatever order its rows come.
//
// The thread that writes a tensor's last byte reads the tensor back, which the system still has in memory, and hashes
// it: so nothing has to wait for its turn, nothing is kept, and what is hashed is what the file holds.
#ifndef NIBBLE_PIPELINE_TENSOR_HASHES_H_
#define NIBBLE_PIPELINE_TENSOR_HASHES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/io/file.h"

namespace nibble {

// Thread-safe, but for Finish().
class TensorHashes {
 public:
  struct Place {
    std::shared_ptr<const io::ReadableFile> file;
    uint64_t offset = 0;
    uint64_t bytes = 0;
  };

  explicit TensorHashes(std::vector<Place> places);

  // So many more bytes of the tensor are in the file. REQUIRES: each byte is told at most once.
  absl::Status Wrote(size_t tensor, uint64_t bytes);

  // Of every tensor, in their order. Those of which not all was told, since an earlier run wrote it, are hashed now, on
  // so many threads (0: all). REQUIRES: called once, when all is in the files.
  absl::StatusOr<std::vector<std::string>> Finish(int threads);

 private:
  absl::Status Hash(size_t tensor);

  const std::vector<Place> places_;
  std::vector<std::atomic<uint64_t>> missing_;  // bytes of each tensor
  std::vector<std::string> hashes_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TENSOR_HASHES_H_
