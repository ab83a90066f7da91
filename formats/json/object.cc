#include "formats/json/object.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "formats/json/quote.h"

namespace nibble::json {
namespace {

constexpr int kFewestDigits = 6, kMostDigits = 9;  // nine say every float32

// Lines between brackets, one more level in.
std::string Bracketed(const std::string& lines, char open, char close) {
  if (lines.empty()) return {open, close};
  const std::string inside = absl::StrReplaceAll(absl::StrCat("\n", lines), {{"\n", "\n  "}});
  return absl::StrCat(std::string(1, open), inside, "\n", std::string(1, close));
}

}  // namespace

void Object::SetInt(absl::string_view key, int64_t value) { Set(key, absl::StrCat(value)); }

void Object::SetFloat(absl::string_view key, float value) {
  std::string text;
  for (int digits = kFewestDigits; digits <= kMostDigits; ++digits) {
    text = absl::StrFormat("%.*g", digits, value);
    float read = 0;
    if (absl::SimpleAtof(text, &read) && read == value) break;
  }
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  Set(key, std::move(text));
}

void Object::SetString(absl::string_view key, absl::string_view value) { Set(key, Quote(value)); }

void Object::SetArray(absl::string_view key, absl::Span<const std::string> elements) {
  Set(key, Bracketed(absl::StrJoin(elements, ",\n"), '[', ']'));
}

void Object::Set(absl::string_view key, std::string json) {
  const auto found =
      std::find_if(members_.begin(), members_.end(), [&](const auto& member) { return member.first == key; });
  if (found != members_.end()) {
    found->second = std::move(json);
  } else {
    members_.emplace_back(key, std::move(json));
  }
}

std::string Object::Text() const {
  const std::string lines = absl::StrJoin(members_, ",\n", [](std::string* out, const auto& member) {
    absl::StrAppend(out, Quote(member.first), ": ", member.second);
  });
  return Bracketed(lines, '{', '}');
}

}  // namespace nibble::json
