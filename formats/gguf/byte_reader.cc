#include "formats/gguf/byte_reader.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace nibble::gguf {

absl::Status ByteReader::Read(void* out, uint64_t size) {
  last_position_ = position_;
  if (size > remaining()) {
    return Error(absl::StrCat(size, " more bytes"), absl::StrCat("the end of the file after ", remaining()));
  }
  auto* to = static_cast<std::byte*>(out);
  while (size > 0) {
    if (buffer_begin_ == buffer_end_) {
      const uint64_t fill = std::min<uint64_t>(buffer_.size(), remaining());
      NIBBLE_RETURN_IF_ERROR(file_.ReadAt(position_, absl::MakeSpan(buffer_.data(), fill)));
      buffer_begin_ = 0;
      buffer_end_ = fill;
    }
    const uint64_t part = std::min<uint64_t>(size, buffer_end_ - buffer_begin_);
    std::memcpy(to, &buffer_[buffer_begin_], part);
    to += part;
    size -= part;
    buffer_begin_ += part;
    position_ += part;
  }
  return absl::OkStatus();
}

std::string ByteReader::Place() const { return absl::StrCat(file_.path(), ": ", item_, ", byte ", last_position_); }

absl::Status ByteReader::Error(absl::string_view expected, absl::string_view found) const {
  return BadData(Place(), expected, found);
}

}  // namespace nibble::gguf
