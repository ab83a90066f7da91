#include "formats/tokenizer/utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <iterator>
#include <vector>

namespace nibble::tokenizer {
namespace {

struct Range {
  uint32_t first, last;
};
// The combining marks that Unicode gained between version 9, by whose tables the tokenizers library normalizes, and
// version 15, which is utf8proc's. To that library they are no marks: nothing moves past them, nothing combines.
constexpr Range kLaterMarks[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xC3C, 0xC3C},
    {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0xECE, 0xECE},     {0x1715, 0x1715},   {0x1ABF, 0x1ACE},
    {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E},
    {0x11839, 0x1183A}, {0x11930, 0x11930}, {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0},
    {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45},
    {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136},
    {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}};

bool IsLaterMark(uint32_t point) {
  const Range* range = std::lower_bound(std::begin(kLaterMarks), std::end(kLaterMarks), point,
                                        [](const Range& r, uint32_t p) { return r.last < p; });
  return range != std::end(kLaterMarks) && range->first <= point;
}

// The code point before the first trailing consonant of Hangul: nothing combines with it, but utf8proc joins it to the
// syllable in front, and so loses it.
constexpr uint32_t kBeforeTrailingConsonants = 0x11A7;

// The code point of the well-formed character.
uint32_t CodePoint(absl::string_view character) {
  const uint8_t lead = character[0];
  if (character.size() == 1) return lead;
  uint32_t point = lead & (0x7F >> character.size());
  for (const char c : character.substr(1)) point = point << 6 | (static_cast<uint8_t>(c) & 0x3F);
  return point;
}

// Into Unicode's canonical order: marks by their class. utf8proc would do so too, in time that grows with the square of
// a run's length.
void OrderMarks(std::vector<utf8proc_int32_t>& points) {
  const auto mark_class = [](utf8proc_int32_t point) { return utf8proc_get_property(point)->combining_class; };
  const auto is_mark = [&](utf8proc_int32_t point) { return mark_class(point) > 0; };
  for (auto end = points.begin(); end != points.end();) {
    const auto begin = std::find_if(end, points.end(), is_mark);
    end = std::find_if_not(begin, points.end(), is_mark);
    std::stable_sort(begin, end, [&](auto a, auto b) { return mark_class(a) < mark_class(b); });
  }
}

void AppendComposed(absl::string_view text, std::string& out) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  constexpr size_t kLongestDecomposition = 4;
  std::vector<utf8proc_int32_t> points;
  points.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const absl::string_view character = text.substr(at, Utf8Length(text, at));
    utf8proc_int32_t parts[kLongestDecomposition];
    int boundary = UTF8PROC_BOUNDCLASS_START;
    const utf8proc_ssize_t count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(CodePoint(character)), parts,
                                                           kLongestDecomposition, kOptions, &boundary);
    assert(count > 0 && count <= static_cast<utf8proc_ssize_t>(kLongestDecomposition));
    points.insert(points.end(), parts, parts + count);
    at += character.size();
  }
  OrderMarks(points);
  points.resize(utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()), kOptions));
  for (const utf8proc_int32_t point : points) {
    utf8proc_uint8_t bytes[4];
    out.append(reinterpret_cast<const char*>(bytes), utf8proc_encode_char(point, bytes));
  }
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
  std::string result;
  size_t begin = 0;  // of the stretch not yet composed
  for (size_t at = 0; at < text.size();) {
    const absl::string_view character = text.substr(at, Utf8Length(text, at));
    const uint32_t point = CodePoint(character);
    if (point == kBeforeTrailingConsonants || IsLaterMark(point)) {
      AppendComposed(text.substr(begin, at - begin), result);
      result.append(character.data(), character.size());
      begin = at + character.size();
    }
    at += character.size();
  }
  AppendComposed(text.substr(begin), result);
  return result;
}

}  // namespace nibble::tokenizer
