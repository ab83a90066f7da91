#include "formats/json/write.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "formats/json/quote.h"

namespace nibble::json {
namespace {

std::string NumberText(const Value& value) {
  using Limits = std::numeric_limits<int64_t>;
  if (const auto integer = value.Int(Limits::min(), Limits::max()); integer.ok()) return absl::StrCat(*integer);
  char buffer[32];
  const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), *value.Number());
  std::string text(buffer, end.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// Lines between brackets, one more level in.
std::string Bracketed(const std::vector<std::string>& lines, char open, char close) {
  if (lines.empty()) return {open, close};
  const std::string inside = absl::StrReplaceAll(absl::StrCat("\n", absl::StrJoin(lines, ",\n")), {{"\n", "\n  "}});
  return absl::StrCat(std::string(1, open), inside, "\n", std::string(1, close));
}

}  // namespace

std::string Text(const Value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return *value.Bool() ? "true" : "false";
  if (value.is_string()) return Quote(*value.String());
  if (value.is_number()) return NumberText(value);
  std::vector<std::string> lines;
  for (const Value& element : value.Elements()) lines.push_back(Text(element));
  for (const auto& [key, member] : value.Members()) lines.push_back(absl::StrCat(Quote(key), ": ", Text(member)));
  return value.is_array() ? Bracketed(lines, '[', ']') : Bracketed(lines, '{', '}');
}

std::string TextWith(const Value& object, const std::vector<absl::string_view>& without, absl::string_view key,
                     absl::string_view text) {
  std::vector<std::string> lines;
  for (const auto& [name, member] : object.Members()) {
    if (std::find(without.begin(), without.end(), name) != without.end() || name == key) continue;
    lines.push_back(absl::StrCat(Quote(name), ": ", Text(member)));
  }
  lines.push_back(absl::StrCat(Quote(key), ": ", text));
  return Bracketed(lines, '{', '}');
}

}  // namespace nibble::json
