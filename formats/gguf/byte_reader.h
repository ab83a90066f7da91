// A file's bytes from its beginning on, through a small buffer, never past its end.
#ifndef NIBBLE_FORMATS_GGUF_BYTE_READER_H_
#define NIBBLE_FORMATS_GGUF_BYTE_READER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/io/file.h"

namespace nibble::gguf {

class ByteReader {
 public:
  explicit ByteReader(const io::ReadableFile& file)
      : file_(file), buffer_(std::min<uint64_t>(kBufferBytes, file.info().size)) {}

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return file_.info().size - position_; }

  // What is being read ("key 'a.b'"), for errors.
  void set_item(std::string item) { item_ = std::move(item); }

  // kDataLoss if the file ends before.
  absl::Status Read(void* out, uint64_t size);
  template <typename T>
  absl::Status ReadNumber(T& out) {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    return Read(&out, sizeof(T));
  }

  // kDataLoss at what was read last: "<path>: <item>, byte <position>: expected ..., found ...".
  absl::Status Error(absl::string_view expected, absl::string_view found) const;
  std::string Place() const;
  const std::string& path() const { return file_.path(); }

 private:
  static constexpr size_t kBufferBytes = 256 * 1024;

  const io::ReadableFile& file_;
  std::vector<std::byte> buffer_;
  uint64_t position_ = 0;       // of the next byte
  uint64_t last_position_ = 0;  // where the last read began
  size_t buffer_begin_ = 0;
  size_t buffer_end_ = 0;
  std::string item_ = "header";
};

}  // namespace nibble::gguf

#endif  // NIBBLE_FORMATS_GGUF_BYTE_READER_H_
