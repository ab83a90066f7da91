#include "cli/printable.h"

#include <utf8proc.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace nibble::cli {
namespace {

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

void AppendEscaped(absl::string_view bytes, std::string& out) {
  for (const char byte : bytes) {
    switch (byte) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(byte));
    }
  }
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    utf8proc_int32_t code_point;
    const utf8proc_ssize_t length =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), text.size(), &code_point);
    const absl::string_view bytes = text.substr(0, length > 0 ? length : 1);
    if (length <= 0 || utf8proc_category(code_point) == UTF8PROC_CATEGORY_CC) {
      AppendEscaped(bytes, out);
    } else {
      absl::StrAppend(&out, bytes);
    }
    text.remove_prefix(bytes.size());
  }
  return out;
}

std::string ShellWord(absl::string_view text) {
  constexpr absl::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+,:=@%^-";
  if (!text.empty() && text.find_first_not_of(kPlain) == absl::string_view::npos) return std::string(text);
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

size_t Columns(absl::string_view text) {
  size_t columns = 0;
  for (const char byte : text) columns += !IsContinuation(byte);
  return columns;
}

absl::string_view Cut(absl::string_view text, size_t columns) {
  size_t end = 0;
  for (size_t seen = 0; end < text.size(); ++end) {
    if (!IsContinuation(text[end]) && seen++ == columns) break;
  }
  return text.substr(0, end);
}

}  // namespace nibble::cli
