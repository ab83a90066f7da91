#include "base/utf8.h"

#include <utf8proc.h>

#include "absl/strings/str_cat.h"

namespace nibble {

size_t FindInvalidUtf8(absl::string_view text) {
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t code_point;
    const utf8proc_ssize_t length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                                                     static_cast<utf8proc_ssize_t>(text.size() - at), &code_point);
    if (length <= 0) return at;
    at += length;
  }
  return absl::string_view::npos;
}

std::string ValidUtf8(absl::string_view text) {
  std::string valid;
  for (size_t end = FindInvalidUtf8(text); end != absl::string_view::npos; end = FindInvalidUtf8(text)) {
    absl::StrAppend(&valid, text.substr(0, end), "\uFFFD");
    text.remove_prefix(end + 1);
  }
  absl::StrAppend(&valid, text);
  return valid;
}

}  // namespace nibble
