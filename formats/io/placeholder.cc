#include "formats/io/placeholder.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace nibble::io {
namespace {

constexpr struct {
  absl::string_view prefix;
  absl::string_view text;
} kPlaceholders[] = {
    {"version https://git-lfs.github.com/spec/", "a Git-LFS pointer; `git lfs pull` fetches the file itself"},
    {"<!doctype html", "an HTML page; download the file itself"},
    {"<html", "an HTML page; download the file itself"},
};

}  // namespace

absl::string_view PlaceholderText(absl::string_view head) {
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(head);
  for (const auto& placeholder : kPlaceholders) {
    if (absl::StartsWithIgnoreCase(text, placeholder.prefix)) return placeholder.text;
  }
  return "";
}

}  // namespace nibble::io
