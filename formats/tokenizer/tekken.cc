#include "formats/tokenizer/tekken.h"

#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "formats/tokenizer/pre_tokenizer_table.h"
#include "formats/tokenizer/token_ranks.h"
#include "formats/tokenizer/token_table.h"

namespace nibble::tokenizer {
namespace {

// A thousand times what any published file has.
constexpr int64_t kMaxSpecialTokens = 1'000'000;

// The special tokens of files that list none: of versions up to 7.
constexpr absl::string_view kUnlisted[] = {
    "<unk>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",
    "[IMG]",
    "<pad>",
    "[IMG_BREAK]",
    "[IMG_END]",
    "[PREFIX]",
    "[MIDDLE]",
    "[SUFFIX]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "[TOOL_CONTENT]",
};

struct NamedId {
  absl::string_view text;
  std::optional<uint32_t> Vocabulary::*id;
};
constexpr NamedId kNamedIds[] = {{"<unk>", &Vocabulary::unknown},
                                 {"<s>", &Vocabulary::bos},
                                 {"</s>", &Vocabulary::eos},
                                 {"<pad>", &Vocabulary::padding}};

struct Sizes {
  int64_t special;  // special tokens
  int64_t regular;  // regular ones that count
};

absl::StatusOr<Sizes> ReadSizes(json::Value root) {
  const json::Value config = root.Get("config"), vocab = root.Get("vocab");
  if (!vocab.is_array()) return vocab.Error("an array of tokens");
  constexpr int64_t kMaxTokens = std::numeric_limits<uint32_t>::max();
  NIBBLE_ASSIGN_OR_RETURN(const int64_t special, config.Get("default_num_special_tokens").Int(0, kMaxSpecialTokens));
  NIBBLE_ASSIGN_OR_RETURN(const int64_t all, config.Get("default_vocab_size").Int(special, kMaxTokens));
  const int64_t listed = static_cast<int64_t>(vocab.size());
  if (all - special > listed) {
    return config.Get("default_vocab_size")
        .Error(absl::StrCat("at most ", special, " special and ", listed, " listed tokens"));
  }
  return Sizes{special, all - special};
}

absl::StatusOr<std::string> ReadPattern(json::Value pattern, const std::string& pre) {
  if (!pre.empty()) return pre;
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view regex, pattern.String());
  const std::string pass(regex);
  const PreTokenizerRow* row = IdentifyPreTokenizer(absl::MakeConstSpan(&pass, 1));
  if (row == nullptr) {
    return absl::UnimplementedError(absl::StrCat(pattern.Place(), ": expected a pre-tokenizer that is known, found ",
                                                 pattern.Found(), "; name one with --pre"));
  }
  return std::string(row->name);
}

absl::StatusOr<std::vector<std::string>> ReadRanks(json::Value vocab, int64_t count) {
  std::vector<std::string> ranks(count);
  for (int64_t i = 0; i < count; ++i) {
    const json::Value token = vocab.At(i);
    NIBBLE_RETURN_IF_ERROR(token.Get("rank").Int(i, i).status());
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view base64, token.Get("token_bytes").String());
    if (!absl::Base64Unescape(base64, &ranks[i]) || ranks[i].empty()) {
      return token.Get("token_bytes").Error("a token's bytes in base64");
    }
  }
  NIBBLE_RETURN_IF_ERROR(CheckRanks(ranks, vocab.Place()));
  return ranks;
}

absl::Status AddSpecialTokens(json::Value listed, int64_t count, std::vector<TokenEntry>& entries) {
  std::vector<std::string> texts(count);
  if (listed.is_array()) {
    for (const json::Value& token : listed.Elements()) {
      NIBBLE_ASSIGN_OR_RETURN(const int64_t id, token.Get("rank").Int(0, count - 1));
      NIBBLE_ASSIGN_OR_RETURN(const absl::string_view text, token.Get("token_str").String());
      if (!texts[id].empty()) return token.Get("rank").Error("an id that no other special token has");
      texts[id] = std::string(text);
    }
  } else {
    for (size_t id = 0; id < std::size(kUnlisted) && id < texts.size(); ++id) texts[id] = std::string(kUnlisted[id]);
  }
  for (size_t id = 0; id < texts.size(); ++id) {
    if (texts[id].empty()) texts[id] = absl::StrCat("<SPECIAL_", id, ">");
    entries.push_back({id, std::move(texts[id]), TokenType::kControl});
  }
  return absl::OkStatus();
}

void SetSpecialIds(Vocabulary& vocabulary, int64_t count) {
  for (uint32_t id = 0; id < count; ++id) {
    for (const NamedId& named : kNamedIds) {
      if (vocabulary.tokens[id] == named.text) vocabulary.*named.id = id;
    }
  }
}

}  // namespace

absl::StatusOr<Vocabulary> ReadTekken(const json::Document& file, const std::string& pre, uint32_t rows) {
  const json::Value root = file.root();
  Vocabulary vocabulary;
  vocabulary.algorithm = Algorithm::kByteLevelBpe;
  vocabulary.ignore_merges = true;  // as tiktoken does
  vocabulary.add_bos = true;
  vocabulary.add_eos = false;
  NIBBLE_ASSIGN_OR_RETURN(vocabulary.pre, ReadPattern(root.Get("config").Get("pattern"), pre));
  NIBBLE_ASSIGN_OR_RETURN(const Sizes sizes, ReadSizes(root));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> ranks, ReadRanks(root.Get("vocab"), sizes.regular));
  vocabulary.merges = MergesOfAllSplits(ranks);
  std::vector<TokenEntry> entries;
  NIBBLE_RETURN_IF_ERROR(AddSpecialTokens(root.Get("special_tokens"), sizes.special, entries));
  AddRankedTokens(ranks, sizes.special, entries);
  NIBBLE_RETURN_IF_ERROR(FillTokens(std::move(entries), rows, file.file(), vocabulary));
  SetSpecialIds(vocabulary, sizes.special);
  return vocabulary;
}

}  // namespace nibble::tokenizer
