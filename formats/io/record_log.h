// A file of records that are appended one by one, and survive a program that ends in the middle of one.
//
// A record is a frame: the length of its bytes (4 bytes, little-endian), their xxHash (XXH3, 8 bytes, seeded with the
// frame's offset, so that no frame passes for another), and the bytes.
//
//   NIBBLE_ASSIGN_OR_RETURN(RecordLog log, RecordLog::Create(files, path));
//   NIBBLE_RETURN_IF_ERROR(log.Append(bytes));
#ifndef NIBBLE_FORMATS_IO_RECORD_LOG_H_
#define NIBBLE_FORMATS_IO_RECORD_LOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/io/file.h"

namespace nibble::io {

struct Records {
  std::vector<absl::string_view> each;  // of the text that was parsed
  uint64_t bytes = 0;                   // their frames'; what follows was not written to its end
};

// The records of a log's content. A last one that is incomplete, or not as its hash says, is left out: its writer was
// stopped. kDataLoss names `place` and the byte of a damaged one that others follow.
absl::StatusOr<Records> ParseRecords(absl::string_view text, absl::string_view place);

// Not thread-safe.
class RecordLog {
 public:
  // A new, empty one. Errors as FileSystem::Create has them; what a stopped program left there is replaced.
  static absl::StatusOr<RecordLog> Create(FileSystem& files, const std::string& path);
  // Goes on with `file`, whose first `bytes` bytes are whole records; what is behind them goes.
  static absl::StatusOr<RecordLog> Continue(std::unique_ptr<WritableFile> file, uint64_t bytes);

  // REQUIRES: less than 4 GiB.
  absl::Status Append(absl::string_view record);
  absl::Status Sync() { return file_->Sync(); }

 private:
  RecordLog(std::unique_ptr<WritableFile> file, uint64_t bytes) : file_(std::move(file)), bytes_(bytes) {}

  std::unique_ptr<WritableFile> file_;
  uint64_t bytes_;
};

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_RECORD_LOG_H_
