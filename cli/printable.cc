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

// Of messages, in bytes.
constexpr size_t kMessageBegin = 12'000, kMessageEnd = 1'000;

// Whether a terminal does something else with it than to show it.
bool ActsOnTerminal(utf8proc_int32_t code_point) {
  const utf8proc_bidi_class_t bidi = static_cast<utf8proc_bidi_class_t>(utf8proc_get_property(code_point)->bidi_class);
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    case UTF8PROC_CATEGORY_CF:
      return bidi != UTF8PROC_BIDI_CLASS_BN;  // joiners are part of words and of emoji
    default:
      return false;
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
    if (length <= 0 || ActsOnTerminal(code_point)) {
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

std::string PrintableMessage(absl::string_view text) {
  if (text.size() <= kMessageBegin + kMessageEnd) return Printable(text);
  const size_t left_out = text.size() - kMessageBegin - kMessageEnd;
  return absl::StrCat(Printable(text.substr(0, kMessageBegin)), " ... (", left_out, " bytes left out) ... ",
                      Printable(text.substr(kMessageBegin + left_out)));
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
