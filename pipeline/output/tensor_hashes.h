// The SHA-256 of every tensor of an output that is being written, in whatever order its rows come.
//
// Tensors are read back, which the system still has in memory, and hashed: so nothing has to wait for its turn, nothing
// is kept, and what is hashed is what the file holds. The last ones are left to the end, when all cores are idle while
// the disk takes what was written; those before them are hashed by the threads that write.
#ifndef NIBBLE_PIPELINE_OUTPUT_TENSOR_HASHES_H_
#define NIBBLE_PIPELINE_OUTPUT_TENSOR_HASHES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "formats/io/file.h"
#include "pipeline/comm/comm.h"

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

  // Of every tensor, in their order; what is not hashed yet is now, on so many threads (0: all), while `meanwhile` runs
  // on one more, which brings to the disk what this rank has written. Of several ranks, those that have written a
  // tensor alone hash it; the others are divided, when all is there, and read from files that are opened anew.
  // Collective. REQUIRES: called once, when all of this rank's is in the files.
  absl::StatusOr<std::vector<std::string>> Finish(io::FileSystem& files, Comm& comm, int threads,
                                                  absl::FunctionRef<absl::Status()> meanwhile);

 private:
  absl::Status Hash(size_t tensor);
  absl::Status HashAll(std::vector<size_t> tensors, int threads, absl::FunctionRef<absl::Status()> meanwhile);
  // What any rank has hashed, and all know then. Collective.
  absl::Status GatherHashes(Comm& comm);
  absl::Status OpenAnew(io::FileSystem& files);

  std::vector<Place> places_;
  std::vector<std::atomic<uint64_t>> missing_;  // bytes of each tensor
  std::vector<std::string> hashes_;
  absl::Mutex mutex_;
  std::deque<size_t> waiting_ ABSL_GUARDED_BY(mutex_);  // complete, not hashed
  uint64_t waiting_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_TENSOR_HASHES_H_
