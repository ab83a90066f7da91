// A file that is bytes in memory, for tests.
#ifndef NIBBLE_MODEL_MEMORY_FILE_H_
#define NIBBLE_MODEL_MEMORY_FILE_H_

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "formats/io/file.h"

namespace nibble {

class MemoryFile : public io::ReadableFile {
 public:
  explicit MemoryFile(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) { info_.size = bytes_.size(); }

  absl::Status ReadAt(uint64_t offset, absl::Span<std::byte> out) const override {
    if (offset + out.size() > bytes_.size()) return absl::DataLossError("past the end");
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return absl::OkStatus();
  }
  const std::string& path() const override { return path_; }
  const io::FileInfo& info() const override { return info_; }

 private:
  std::string path_ = "memory";
  io::FileInfo info_;
  std::vector<std::byte> bytes_;
};

}  // namespace nibble

#endif  // NIBBLE_MODEL_MEMORY_FILE_H_
