// SentencePiece's BPE: spaces become U+2581, then characters are merged while the pair is a piece, best score first.
// Characters that are no piece become byte tokens, or the unknown token where there are none.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "formats/tokenizer/bpe_tokenizer.h"
#include "formats/tokenizer/merge_pairs.h"
#include "formats/tokenizer/utf8.h"

namespace nibble::tokenizer {
namespace {

constexpr absl::string_view kSpace = "▁";

// SentencePiece's remove_extra_whitespaces.
std::string WithoutExtraSpaces(absl::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c != ' ' || (!result.empty() && result.back() != ' ')) result.push_back(c);
  }
  if (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

// The end of the word that begins at `begin`: U+2581 or several, and what follows up to the next.
size_t WordEnd(absl::string_view text, size_t begin) {
  size_t letter = begin;
  while (absl::StartsWith(text.substr(letter), kSpace)) letter += kSpace.size();
  return std::min(text.find(kSpace, letter), text.size());
}

class SentencePieceBpe final : public BpeTokenizer {
 public:
  explicit SentencePieceBpe(Vocabulary vocabulary) : BpeTokenizer(std::move(vocabulary)) {
    for (uint32_t id = 0; id < vocabulary_.tokens.size(); ++id) {
      const std::string& token = vocabulary_.tokens[id];
      const TokenType type = vocabulary_.types[id];
      if (type == TokenType::kByte) byte_ids_[*ParseByteToken(token)] = id;
      if (type == TokenType::kUserDefined) whole_.Add(absl::StrReplaceAll(token, {{" ", kSpace}}), id);
      if (type != TokenType::kNormal) continue;
      pieces_.emplace(token, id);
      if (WordEnd(token, 0) < token.size()) piece_spans_words_ = true;
      longest_piece_ = std::max(longest_piece_, token.size());
    }
  }

  std::string Decode(absl::Span<const uint32_t> ids, bool skip_special) const override {
    std::string text;
    for (const uint32_t id : ids) {
      if (!Shown(id, skip_special)) continue;
      const std::string& token = vocabulary_.tokens[id];
      if (vocabulary_.types[id] == TokenType::kByte) {
        text.push_back(static_cast<char>(*ParseByteToken(token)));
      } else {
        absl::StrAppend(&text, absl::StrReplaceAll(token, {{kSpace, " "}}));
      }
    }
    return vocabulary_.add_space_prefix ? std::string(absl::StripPrefix(text, " ")) : text;
  }

 private:
  absl::Status EncodePlain(absl::string_view text, std::vector<uint32_t>& ids) const override {
    const std::string plain = vocabulary_.remove_extra_spaces ? WithoutExtraSpaces(text) : std::string(text);
    if (plain.empty()) return absl::OkStatus();
    const absl::string_view prefix = vocabulary_.add_space_prefix ? kSpace : "";
    const std::string normalized = absl::StrCat(prefix, absl::StrReplaceAll(plain, {{" ", kSpace}}));
    return whole_.Split(
        normalized,
        [&](absl::string_view stretch) {
          EncodeStretch(stretch, ids);
          return absl::OkStatus();
        },
        [&](uint32_t id) { ids.push_back(id); });
  }

  // Word by word where no piece spans two, which gives the same ids in less time.
  void EncodeStretch(absl::string_view text, std::vector<uint32_t>& ids) const {
    bool after_unknown = false;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = piece_spans_words_ ? text.size() : WordEnd(text, begin);
      after_unknown = EncodeUnit(text.substr(begin, end - begin), after_unknown, ids);
      begin = end;
    }
  }

  bool EncodeUnit(absl::string_view text, bool after_unknown, std::vector<uint32_t>& ids) const {
    std::vector<Symbol> symbols;
    symbols.reserve(text.size());
    for (size_t begin = 0; begin < text.size();) {
      const size_t length = std::max<size_t>(Utf8Length(text, begin), 1);
      Append(symbols, begin, length, /*id=*/0);
      begin += length;
    }
    MergePairs(symbols, [&](const Symbol& left, const Symbol& right) -> std::optional<Merge> {
      const size_t length = left.length + right.length;
      if (length > longest_piece_) return std::nullopt;
      const auto piece = pieces_.find(text.substr(left.begin, length));
      if (piece == pieces_.end()) return std::nullopt;
      return Merge{-vocabulary_.scores[piece->second], piece->second};
    });
    for (const Symbol& symbol : symbols) {
      if (symbol.length > 0) after_unknown = EmitSymbol(text.substr(symbol.begin, symbol.length), after_unknown, ids);
    }
    return after_unknown;
  }

  // Appends the ids of a symbol; true if it ends in the unknown token. A run of unknown symbols is one token.
  bool EmitSymbol(absl::string_view symbol, bool after_unknown, std::vector<uint32_t>& ids) const {
    if (const auto piece = pieces_.find(symbol); piece != pieces_.end()) {
      ids.push_back(piece->second);
      return false;
    }
    for (const char byte : symbol) {
      const std::optional<uint32_t> id = byte_ids_[static_cast<uint8_t>(byte)];
      if (id) {
        ids.push_back(*id);
      } else if (!after_unknown && vocabulary_.unknown) {
        ids.push_back(*vocabulary_.unknown);
      }
      after_unknown = !id;
    }
    return after_unknown;
  }

  TokenMatcher whole_;                                       // user-defined tokens, which nothing merges with
  absl::flat_hash_map<absl::string_view, uint32_t> pieces_;  // keys lie in the vocabulary
  std::array<std::optional<uint32_t>, 256> byte_ids_;
  size_t longest_piece_ = 0;
  bool piece_spans_words_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> CreateSentencePieceBpe(Vocabulary vocabulary) {
  return std::make_unique<SentencePieceBpe>(std::move(vocabulary));
}

}  // namespace nibble::tokenizer
