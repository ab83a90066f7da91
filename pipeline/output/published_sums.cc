#include "pipeline/output/published_sums.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "formats/io/sha256.h"

namespace nibble {
namespace {

using Sums = absl::flat_hash_map<std::string, PublishedSum>;

constexpr uint64_t kMaxSumsBytes = 64 << 20;
constexpr char kHuggingFace[] = ".cache/huggingface/download";

// In lower case; empty if it is no SHA-256.
std::string Digits(absl::string_view text) {
  const bool fits = text.size() == io::kSha256Digits &&
                    std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isxdigit(c); });
  return fits ? absl::AsciiStrToLower(text) : "";
}

absl::Status Add(const std::string& name, PublishedSum sum, Sums& sums) {
  const auto [known, is_new] = sums.try_emplace(name, sum);
  if (is_new || known->second.sha256 == sum.sha256) return absl::OkStatus();
  return BadData(sum.path,
                 absl::StrCat("for ", name, " the SHA-256 of ", known->second.path, ", ", known->second.sha256),
                 sum.sha256);
}

// "<digits>  name", "<digits> *name"; digits alone are those of `alone`.
absl::Status AddLines(absl::string_view text, const std::string& path, const std::string& alone, Sums& sums) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const absl::string_view stripped = absl::StripAsciiWhitespace(line);
    const std::string digits = Digits(stripped.substr(0, stripped.find_first_of(" \t")));
    if (digits.empty()) continue;
    absl::string_view name = absl::StripLeadingAsciiWhitespace(stripped.substr(digits.size()));
    absl::ConsumePrefix(&name, "*");
    absl::ConsumePrefix(&name, "./");
    NIBBLE_RETURN_IF_ERROR(Add(name.empty() ? alone : std::string(name), {digits, path}, sums));
  }
  return absl::OkStatus();
}

bool IsSumsFile(absl::string_view name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return absl::StartsWith(lower, "sha256sum") || absl::EndsWith(lower, ".sha256") ||
         absl::EndsWith(lower, ".sha256sum");
}

}  // namespace

absl::StatusOr<Sums> ReadPublishedSums(io::FileSystem& files, const std::string& folder) {
  Sums sums;
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.List(folder));
  for (const std::string& name : names) {
    if (!IsSumsFile(name)) continue;
    const std::string path = io::JoinPath(folder, name);
    NIBBLE_ASSIGN_OR_RETURN(const std::string text, io::ReadWholeFile(files, path, kMaxSumsBytes));
    NIBBLE_RETURN_IF_ERROR(AddLines(text, path, name.substr(0, name.rfind('.')), sums));
  }
  const std::string downloads = io::JoinPath(folder, kHuggingFace);
  const absl::StatusOr<std::vector<std::string>> metadata = files.List(downloads);
  if (!metadata.ok()) return sums;  // it was fetched otherwise
  for (const std::string& name : *metadata) {
    if (!absl::EndsWith(name, ".metadata")) continue;
    const std::string path = io::JoinPath(downloads, name);
    NIBBLE_ASSIGN_OR_RETURN(const std::string text, io::ReadWholeFile(files, path, kMaxSumsBytes));
    const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
    const std::string digits = lines.size() < 2 ? "" : Digits(absl::StripAsciiWhitespace(lines[1]));
    if (digits.empty()) continue;  // of a file in git: a SHA-1
    NIBBLE_RETURN_IF_ERROR(Add(std::string(absl::StripSuffix(name, ".metadata")), {digits, path}, sums));
  }
  return sums;
}

}  // namespace nibble
