#include "cli/suggest.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace nibble::cli {
namespace {

// Levenshtein's distance.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

// What is left to tell words apart: no case, no separators.
std::string Letters(absl::string_view word) {
  std::string letters;
  for (const char c : word) {
    if (c != '_' && c != '-') letters += absl::ascii_tolower(c);
  }
  return letters;
}

}  // namespace

std::string Suggestion(absl::string_view word, const std::vector<std::string>& known) {
  constexpr size_t kLongestWord = 64;  // nobody misspells longer ones
  if (word.size() > kLongestWord) return "";
  const std::string wanted = Letters(word);
  size_t best = wanted.size() / 3 + 2;  // exclusive: a third of the letters may be wrong, and one more
  absl::string_view nearest;
  for (const std::string& candidate : known) {
    const size_t distance = EditDistance(wanted, Letters(candidate));
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest.empty() ? "" : absl::StrCat("; did you mean '", nearest, "'?");
}

}  // namespace nibble::cli
