#include "formats/tokenizer/token_ranks.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "formats/tokenizer/byte_alphabet.h"
#include "formats/tokenizer/merge_pairs.h"

namespace nibble::tokenizer {
namespace {

constexpr int kBytes = 256;

// Ranks by token; keys lie in the list.
using RankOf = absl::flat_hash_map<absl::string_view, uint32_t>;

RankOf IndexRanks(TokenRanks ranks) {
  RankOf index;
  index.reserve(ranks.size());
  for (uint32_t rank = 0; rank < ranks.size(); ++rank) index.emplace(ranks[rank], rank);
  return index;
}

std::string MergeOf(absl::string_view left, absl::string_view right) {
  return absl::StrCat(ToPrintable(left), " ", ToPrintable(right));
}

// Where the token is cut in two, if its bytes, merged by what ranks below it, end up as two parts.
std::optional<size_t> LastCut(absl::string_view token, uint32_t rank, const RankOf& index) {
  std::vector<Symbol> symbols;
  symbols.reserve(token.size());
  for (size_t i = 0; i < token.size(); ++i) Append(symbols, i, 1, /*id=*/0);
  MergePairs(symbols, [&](const Symbol& left, const Symbol& right) -> std::optional<Merge> {
    const auto joined = index.find(token.substr(left.begin, left.length + right.length));
    if (joined == index.end() || joined->second >= rank) return std::nullopt;
    return Merge{static_cast<double>(joined->second), /*id=*/0};
  });
  const int32_t second = symbols[0].next;
  if (second < 0 || symbols[second].next >= 0) return std::nullopt;
  return symbols[second].begin;
}

}  // namespace

absl::Status CheckRanks(TokenRanks ranks, absl::string_view place) {
  std::vector<bool> found(kBytes);
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    const std::string& token = ranks[rank];
    if (token.size() > kMaxTokenBytes) {
      return BadData(absl::StrCat(place, ": rank ", rank),
                     absl::StrCat("a token of at most ", kMaxTokenBytes, " bytes"), absl::StrCat(token.size()));
    }
    if (token.size() == 1) found[static_cast<uint8_t>(token[0])] = true;
  }
  const auto missing = std::find(found.begin(), found.end(), false);
  if (missing == found.end()) return absl::OkStatus();
  return BadData(place, "a token for every byte", absl::StrFormat("none for 0x%02X", missing - found.begin()));
}

void AddRankedTokens(TokenRanks ranks, uint64_t first_id, std::vector<TokenEntry>& entries) {
  entries.reserve(entries.size() + ranks.size());
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    entries.push_back({first_id + rank, ToPrintable(ranks[rank]), TokenType::kNormal});
  }
}

std::vector<std::string> MergesOfAllSplits(TokenRanks ranks) {
  const RankOf index = IndexRanks(ranks);
  std::vector<std::string> merges;
  std::vector<std::pair<uint32_t, size_t>> cuts;  // of one token: the left part's rank, its length
  for (const absl::string_view token : ranks) {
    cuts.clear();
    for (size_t length = 1; length < token.size(); ++length) {
      const auto left = index.find(token.substr(0, length));
      if (left != index.end() && index.contains(token.substr(length))) cuts.emplace_back(left->second, length);
    }
    std::sort(cuts.begin(), cuts.end());
    for (const auto& [rank, length] : cuts) merges.push_back(MergeOf(token.substr(0, length), token.substr(length)));
  }
  return merges;
}

std::optional<std::vector<std::string>> MergesOfLastStep(TokenRanks ranks) {
  const RankOf index = IndexRanks(ranks);
  std::vector<std::string> merges;
  for (uint32_t rank = 0; rank < ranks.size(); ++rank) {
    const absl::string_view token = ranks[rank];
    if (token.size() < 2) continue;
    const std::optional<size_t> cut = LastCut(token, rank, index);
    if (!cut) return std::nullopt;
    merges.push_back(MergeOf(token.substr(0, *cut), token.substr(*cut)));
  }
  return merges;
}

}  // namespace nibble::tokenizer
