#include "pipeline/infer/text_stream.h"

#include <algorithm>

namespace nibble {

size_t WholeCharacters(absl::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const uint8_t byte = text[text.size() - back];
    if ((byte & 0xC0) == 0x80) continue;  // in the middle of one
    const size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? text.size() - back : text.size();
  }
  return text.size();
}

bool TextStream::Take(uint32_t id) {
  // Decoded behind its predecessor: the same token reads otherwise at a text's beginning.
  const std::string before = tokenizer_.Decode({last_}, /*skip_special=*/true);
  pending_ += tokenizer_.Decode({last_, id}, /*skip_special=*/true).substr(before.size());
  last_ = id;
  return Emit(WholeCharacters(pending_));
}

void TextStream::Finish() { Emit(pending_.size()); }

bool TextStream::Emit(size_t bytes) {
  const std::string piece = pending_.substr(0, bytes);
  pending_.erase(0, bytes);
  return piece.empty() || emit_(piece);
}

}  // namespace nibble
