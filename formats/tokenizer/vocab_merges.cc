#include "formats/tokenizer/vocab_merges.h"

#include <limits>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace nibble::tokenizer {
namespace {

absl::Status ReadMerges(absl::string_view merges, absl::string_view place,
                        const absl::flat_hash_set<absl::string_view>& tokens, Vocabulary& vocabulary) {
  size_t number = 0;
  for (absl::string_view line : absl::StrSplit(merges, '\n')) {
    ++number;
    line = absl::StripSuffix(line, "\r");
    if (line.empty() || (number == 1 && absl::StartsWith(line, "#version"))) continue;
    const std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
    if (parts.size() != 2 || !tokens.contains(parts[0]) || !tokens.contains(parts[1]) ||
        !tokens.contains(absl::StrCat(parts[0], parts[1]))) {
      return BadData(absl::StrCat(place, ": line ", number), "two tokens of the vocabulary that give a third",
                     absl::StrCat("'", line, "'"));
    }
    vocabulary.merges.emplace_back(line);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<VocabMerges> ReadVocabMerges(const json::Document& vocab, absl::string_view merges,
                                            absl::string_view merges_place) {
  VocabMerges result;
  result.vocabulary.algorithm = Algorithm::kByteLevelBpe;
  if (!vocab.root().is_object()) return vocab.root().Error("an object of tokens");
  absl::flat_hash_set<absl::string_view> tokens;
  for (const auto& [text, value] : vocab.root().Members()) {
    NIBBLE_ASSIGN_OR_RETURN(const int64_t id, value.Int(0, std::numeric_limits<uint32_t>::max()));
    tokens.insert(text);
    // These files do not say which tokens are special: "<|endoftext|>" looks it.
    const bool control = AddedTokenType(text, /*special=*/false) == TokenType::kControl;
    result.entries.push_back(
        {static_cast<uint64_t>(id), std::string(text), control ? TokenType::kControl : TokenType::kNormal});
  }
  NIBBLE_RETURN_IF_ERROR(ReadMerges(merges, merges_place, tokens, result.vocabulary));
  return result;
}

}  // namespace nibble::tokenizer
