#include "formats/tokenizer/tiktoken_model.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "formats/tokenizer/token_ranks.h"
#include "formats/tokenizer/token_table.h"
#include "formats/tokenizer/tokenizer_config.h"

namespace nibble::tokenizer {
namespace {

constexpr absl::string_view kKimi = "kimi-k2";
constexpr absl::string_view kKimiClass = "TikTokenTokenizer";
// Kimi's code makes this many ids behind the ranks special tokens, as far as the embedding has rows for them.
constexpr uint64_t kKimiSpecialTokens = 258;

struct RankedToken {
  std::string bytes;
  uint32_t rank = 0;
};

std::optional<RankedToken> ParseLine(absl::string_view line) {
  const std::pair<absl::string_view, absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(' ', 1));
  RankedToken token;
  if (!absl::Base64Unescape(fields.first, &token.bytes) || token.bytes.empty()) return std::nullopt;
  if (!absl::SimpleAtoi(fields.second, &token.rank)) return std::nullopt;
  return token;
}

// The tokens by rank: every rank from 0 on is there once.
absl::StatusOr<std::vector<std::string>> ReadRanks(absl::string_view bytes, absl::string_view place) {
  const std::vector<absl::string_view> lines = absl::StrSplit(bytes, '\n');
  std::vector<std::string> ranks(lines.size());
  size_t count = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const absl::string_view line = absl::StripSuffix(lines[i], "\r");
    if (line.empty()) continue;
    const std::string here = absl::StrCat(place, ": line ", i + 1);
    std::optional<RankedToken> token = ParseLine(line);
    if (!token) {
      return BadData(here, "a token in base64, a space and its rank",
                     absl::StrCat("'", absl::CHexEscape(line.substr(0, 60)), "'"));
    }
    if (token->rank >= ranks.size()) {
      return BadData(here, "a rank below the number of lines", absl::StrCat(token->rank));
    }
    if (!ranks[token->rank].empty()) return BadData(here, "a rank that no other line has", absl::StrCat(token->rank));
    ranks[token->rank] = std::move(token->bytes);
    ++count;
  }
  ranks.resize(count);
  const auto gap = std::find(ranks.begin(), ranks.end(), "");
  if (gap != ranks.end()) {
    return BadData(place, "ranks without a gap", absl::StrCat("no rank ", gap - ranks.begin()));
  }
  NIBBLE_RETURN_IF_ERROR(CheckRanks(ranks, place));
  return ranks;
}

absl::StatusOr<std::string> PreTokenizerOf(const json::Document& tokenizer_config, const std::string& pre) {
  if (!pre.empty()) return pre;
  const json::Value name = tokenizer_config.root().Get("tokenizer_class");
  if (name.StringOr("").value_or("") == kKimiClass) return std::string(kKimi);
  return absl::UnimplementedError(absl::StrCat(name.Place(), ": expected \"", kKimiClass,
                                               "\", of which the pre-tokenizer is known, found ", name.Found(),
                                               "; name one with --pre, or put tokenizer.json beside the ranks"));
}

}  // namespace

bool LooksLikeTiktoken(absl::string_view bytes) {
  return ParseLine(absl::StripSuffix(bytes.substr(0, bytes.find('\n')), "\r")).has_value();
}

absl::StatusOr<Vocabulary> ReadTiktokenModel(absl::string_view bytes, absl::string_view place,
                                             const json::Document& tokenizer_config, const std::string& pre,
                                             uint32_t rows) {
  Vocabulary vocabulary;
  vocabulary.algorithm = Algorithm::kByteLevelBpe;
  vocabulary.ignore_merges = true;  // as tiktoken does
  NIBBLE_ASSIGN_OR_RETURN(vocabulary.pre, PreTokenizerOf(tokenizer_config, pre));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> ranks, ReadRanks(bytes, place));
  if (auto merges = MergesOfLastStep(ranks)) {
    vocabulary.merges = *std::move(merges);
  } else {
    vocabulary.merges = MergesOfAllSplits(ranks);
  }
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<AddedToken> added, ReadAddedTokens(tokenizer_config));
  std::map<uint64_t, std::string> special;
  for (const AddedToken& token : added) special.emplace(token.id, token.content);
  if (vocabulary.pre == kKimi) {
    const uint64_t end = ranks.size() + kKimiSpecialTokens;
    for (uint64_t id = ranks.size(); id < (rows > 0 ? std::min<uint64_t>(rows, end) : end); ++id) {
      special.emplace(id, absl::StrCat("<|reserved_token_", id, "|>"));
    }
  }
  std::vector<TokenEntry> entries;
  AddRankedTokens(ranks, /*first_id=*/0, entries);
  for (auto& [id, text] : special) entries.push_back({id, std::move(text), TokenType::kControl});
  NIBBLE_RETURN_IF_ERROR(FillTokens(std::move(entries), rows, place, vocabulary));
  return vocabulary;
}

}  // namespace nibble::tokenizer
