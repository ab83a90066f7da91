// Room on a disk for what a job cannot keep in memory.
#ifndef NIBBLE_FORMATS_IO_WORK_FILE_H_
#define NIBBLE_FORMATS_IO_WORK_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "formats/io/file.h"

namespace nibble::io {

// One file, made when room is first asked for. Its name is removed as soon as it is open, so that the room is free
// again when the program ends, however that ends. Used by one thread at a time.
class WorkFile {
 public:
  // `files` outlives it.
  WorkFile(FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

  // Whether Reserve could make the file, which it leaves to it: the errors of that, but of room.
  absl::Status Try();

  // The offset of so many bytes, the caller's until they are released. kUnavailable if the disk has no room,
  // kPermissionDenied if the folder cannot be written to.
  absl::StatusOr<uint64_t> Reserve(uint64_t bytes);
  void Release(uint64_t offset, uint64_t bytes);

  // REQUIRES: within what was reserved. Bytes that were never written are undefined.
  absl::Status WriteAt(uint64_t offset, absl::Span<const std::byte> data);
  absl::Status ReadAt(uint64_t offset, absl::Span<std::byte> out) const;

  uint64_t bytes() const { return bytes_; }  // that it takes on the disk

 private:
  struct Range {
    uint64_t offset, bytes;
  };

  absl::Status Open();

  FileSystem& files_;
  const std::string directory_;
  std::unique_ptr<WritableFile> writer_;
  std::unique_ptr<ReadableFile> reader_;
  uint64_t bytes_ = 0;
  std::vector<Range> free_;
};

}  // namespace nibble::io

#endif  // NIBBLE_FORMATS_IO_WORK_FILE_H_
