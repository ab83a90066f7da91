#include "formats/tokenizer/utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace nibble::tokenizer {
namespace {

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

}  // namespace

size_t Utf8Length(absl::string_view text, size_t begin) {
  const auto byte = [&](size_t i) -> uint32_t { return static_cast<uint8_t>(text[begin + i]); };
  const uint32_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - begin < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) >= 0xA0;
  const bool too_large = lead == 0xF4 && byte(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

Utf8Run NextUtf8Run(absl::string_view text, size_t begin) {
  const bool valid = Utf8Length(text, begin) > 0;
  size_t end = begin;
  while (end < text.size()) {
    const size_t length = Utf8Length(text, end);
    if ((length > 0) != valid) break;
    end += std::max<size_t>(length, 1);
  }
  return {end - begin, valid};
}

std::string Nfc(absl::string_view text) {
  if (IsAscii(text)) return std::string(text);
  utf8proc_uint8_t* result = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &result, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  return size < 0 ? std::string(text) : std::string(reinterpret_cast<const char*>(result), size);
}

}  // namespace nibble::tokenizer
