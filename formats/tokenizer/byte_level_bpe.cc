// Byte-level BPE: a regex cuts the text into pieces, and the bytes of each are merged by rank.
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/tokenizer/bpe_tokenizer.h"
#include "formats/tokenizer/byte_alphabet.h"
#include "formats/tokenizer/merge_pairs.h"
#include "formats/tokenizer/pre_tokenizer.h"
#include "formats/tokenizer/pre_tokenizer_table.h"
#include "formats/tokenizer/utf8.h"

namespace nibble::tokenizer {
namespace {

constexpr uint32_t kNone = ~uint32_t{0};

uint64_t PairKey(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }

class ByteLevelBpe final : public BpeTokenizer {
 public:
  ByteLevelBpe(Vocabulary vocabulary, PreTokenizer pre_tokenizer)
      : BpeTokenizer(std::move(vocabulary)), pre_tokenizer_(std::move(pre_tokenizer)) {}

  // REQUIRES: called once, before anything else.
  absl::Status Index() {
    ids_.reserve(vocabulary_.tokens.size());
    for (uint32_t id = 0; id < vocabulary_.tokens.size(); ++id) {
      if (vocabulary_.types[id] != TokenType::kUnused) ids_.emplace(vocabulary_.tokens[id], id);
    }
    for (int byte = 0; byte < 256; ++byte) byte_ids_[byte] = Find(PrintableForm(byte));
    merges_.reserve(vocabulary_.merges.size());
    for (size_t rank = 0; rank < vocabulary_.merges.size(); ++rank) NIBBLE_RETURN_IF_ERROR(IndexMerge(rank));
    return absl::OkStatus();
  }

  std::string Decode(absl::Span<const uint32_t> ids, bool skip_special) const override {
    std::string text;
    for (const uint32_t id : ids) {
      if (!Shown(id, skip_special)) continue;
      const std::string& token = vocabulary_.tokens[id];
      const bool printable = vocabulary_.types[id] == TokenType::kNormal;
      absl::StrAppend(&text, printable ? FromPrintable(token) : token);
    }
    return text;
  }

 private:
  absl::Status EncodePlain(absl::string_view text, std::vector<uint32_t>& ids) const override {
    for (size_t begin = 0; begin < text.size();) {
      const Utf8Run run = NextUtf8Run(text, begin);
      const absl::string_view stretch = text.substr(begin, run.length);
      if (run.valid) {
        NIBBLE_RETURN_IF_ERROR(EncodeValid(stretch, ids));
      } else {
        EncodePiece(stretch, ids);
      }
      begin += run.length;
    }
    return absl::OkStatus();
  }

  absl::Status EncodeValid(absl::string_view text, std::vector<uint32_t>& ids) const {
    std::string normalized;
    if (vocabulary_.nfc) {
      normalized = Nfc(text);
      text = normalized;
    }
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<absl::string_view> pieces, pre_tokenizer_.Split(text));
    for (const absl::string_view piece : pieces) EncodePiece(piece, ids);
    return absl::OkStatus();
  }

  void EncodePiece(absl::string_view piece, std::vector<uint32_t>& ids) const {
    if (vocabulary_.ignore_merges) {
      if (const uint32_t whole = Find(ToPrintable(piece)); whole != kNone) {
        ids.push_back(whole);
        return;
      }
    }
    std::vector<Symbol> symbols;
    symbols.reserve(piece.size());
    for (size_t i = 0; i < piece.size(); ++i) {
      const uint32_t id = byte_ids_[static_cast<uint8_t>(piece[i])];
      if (id != kNone) Append(symbols, i, 1, id);  // a byte that no token has is lost, as in the tokenizers library
    }
    MergePairs(symbols, [this](const Symbol& left, const Symbol& right) -> std::optional<Merge> {
      const auto merge = merges_.find(PairKey(left.id, right.id));
      if (merge == merges_.end()) return std::nullopt;
      return Merge{static_cast<double>(merge->second.rank), merge->second.id};
    });
    for (const Symbol& symbol : symbols) {
      if (symbol.length > 0) ids.push_back(symbol.id);
    }
  }

  absl::Status IndexMerge(size_t rank) {
    const absl::string_view merge = vocabulary_.merges[rank];
    const size_t space = merge.find(' ');
    if (space == merge.npos) return BadMerge(rank, "two tokens");
    const absl::string_view left = merge.substr(0, space), right = merge.substr(space + 1);
    const uint32_t left_id = Find(left), right_id = Find(right), joined = Find(absl::StrCat(left, right));
    if (left_id == kNone || right_id == kNone || joined == kNone) {
      return BadMerge(rank, "two tokens of the vocabulary that give a third");
    }
    merges_[PairKey(left_id, right_id)] = {static_cast<uint32_t>(rank), joined};
    return absl::OkStatus();
  }

  absl::Status BadMerge(size_t rank, absl::string_view expected) const {
    return BadData(absl::StrCat("tokenizer: merge ", rank), expected, absl::StrCat("'", vocabulary_.merges[rank], "'"));
  }

  uint32_t Find(absl::string_view token) const {
    const auto found = ids_.find(token);
    return found == ids_.end() ? kNone : found->second;
  }

  struct RankedId {
    uint32_t rank, id;
  };
  PreTokenizer pre_tokenizer_;
  absl::flat_hash_map<absl::string_view, uint32_t> ids_;  // keys lie in the vocabulary
  absl::flat_hash_map<uint64_t, RankedId> merges_;
  std::array<uint32_t, 256> byte_ids_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> CreateByteLevelBpe(Vocabulary vocabulary) {
  const PreTokenizerRow* row = FindPreTokenizer(vocabulary.pre);
  if (row == nullptr) {
    return absl::UnimplementedError(absl::StrCat("tokenizer: expected a pre-tokenizer that is known, found '",
                                                 vocabulary.pre, "'; name one with --pre"));
  }
  NIBBLE_ASSIGN_OR_RETURN(PreTokenizer pre_tokenizer, PreTokenizer::Create(row->passes));
  auto tokenizer = std::make_unique<ByteLevelBpe>(std::move(vocabulary), std::move(pre_tokenizer));
  NIBBLE_RETURN_IF_ERROR(tokenizer->Index());
  return tokenizer;
}

}  // namespace nibble::tokenizer
