#include "formats/tokenizer/token_table.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"

namespace nibble::tokenizer {
namespace {

constexpr float kPaddingScore = -10000;

size_t CountIds(const std::vector<TokenEntry>& entries) {
  absl::flat_hash_set<uint64_t> ids;
  for (const TokenEntry& entry : entries) ids.insert(entry.id);
  return ids.size();
}

std::string Describe(const TokenEntry& entry) { return absl::StrCat("id ", entry.id, " ('", entry.text, "')"); }

}  // namespace

absl::Status FillTokens(std::vector<TokenEntry> entries, uint32_t rows, absl::string_view place,
                        Vocabulary& vocabulary) {
  const size_t count = CountIds(entries);
  const size_t size = rows > 0 ? rows : count;
  std::vector<bool> taken(size);
  vocabulary.tokens.assign(size, "");
  vocabulary.types.assign(size, TokenType::kUnused);
  std::vector<float> scores(size, kPaddingScore);
  for (TokenEntry& entry : entries) {
    if (entry.id >= size) {
      return BadData(
          place, absl::StrCat("token ids below ", size, rows > 0 ? ", the embedding's rows" : ", the number of tokens"),
          Describe(entry));
    }
    std::string& text = vocabulary.tokens[entry.id];
    if (taken[entry.id] && !entry.replaces && text != entry.text) {
      return BadData(place, "one token for each id", absl::StrCat(Describe(entry), ", which is '", text, "' too"));
    }
    taken[entry.id] = true;
    text = std::move(entry.text);
    vocabulary.types[entry.id] = entry.type;
    scores[entry.id] = entry.score;
  }
  for (size_t id = 0; id < size; ++id) {
    if (!taken[id]) vocabulary.tokens[id] = absl::StrCat("[PAD", id, "]");
  }
  if (count < size) {
    vocabulary.warnings.push_back(absl::StrCat(place, ": ", count, " tokens for ", size,
                                               " rows of the embedding: ", size - count, " padding tokens were added"));
  }
  if (vocabulary.algorithm == Algorithm::kSentencePiece) vocabulary.scores = std::move(scores);
  return absl::OkStatus();
}

TokenType AddedTokenType(absl::string_view text, bool special) {
  const auto between = [&](absl::string_view begin, absl::string_view end) {
    return absl::StartsWith(text, begin) && absl::EndsWith(text, end);
  };
  // Files mark some of these as ordinary text, though models never see them as such.
  const bool looks_special = between("<|", "|>") || between("<｜", "｜>") || between("<unused", ">") ||
                             text == "<pad>" || text == "<mask>" || text == "<2mass>" || text == "[@BOS@]";
  return special || looks_special ? TokenType::kControl : TokenType::kUserDefined;
}

std::string AddedTokenText(absl::string_view text, TokenType type) {
  return type == TokenType::kControl ? std::string(text) : absl::StrReplaceAll(text, {{"▁", " "}});
}

}  // namespace nibble::tokenizer
