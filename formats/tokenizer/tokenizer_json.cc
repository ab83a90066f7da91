#include "formats/tokenizer/tokenizer_json.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/tokenizer/pipeline_json.h"
#include "formats/tokenizer/token_table.h"

namespace nibble::tokenizer {
namespace {

constexpr int64_t kMaxId = std::numeric_limits<uint32_t>::max();

using TokenIds = absl::flat_hash_map<absl::string_view, uint64_t>;

struct MergeParts {
  absl::string_view left, right;
};

// "left right", or since transformers 4.45 ["left", "right"].
absl::StatusOr<MergeParts> ReadMerge(json::Value merge) {
  if (merge.is_array() && merge.size() == 2) {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view left, merge.At(0).String());
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view right, merge.At(1).String());
    return MergeParts{left, right};
  }
  if (!merge.is_string()) return merge.Error("a merge, \"left right\" or [\"left\", \"right\"]");
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view text, merge.String());
  const size_t space = text.find(' ');
  if (space == text.npos) return merge.Error("two tokens with a space between them");
  return MergeParts{text.substr(0, space), text.substr(space + 1)};
}

class Reader {
 public:
  Reader(const json::Document& file, const std::string& pre, uint32_t rows)
      : file_(file), root_(file.root()), model_(root_.Get("model")), pre_(pre), rows_(rows) {}

  absl::StatusOr<Vocabulary> Read() {
    NIBBLE_RETURN_IF_ERROR(CheckBpe(model_));
    NIBBLE_ASSIGN_OR_RETURN(const bool ignore_merges, model_.Get("ignore_merges").BoolOr(false));
    vocabulary_.ignore_merges = ignore_merges;
    NIBBLE_RETURN_IF_ERROR(ReadPipeline(root_, pre_, vocabulary_));
    NIBBLE_RETURN_IF_ERROR(ReadTokens());
    NIBBLE_RETURN_IF_ERROR(ReadMerges());
    NIBBLE_RETURN_IF_ERROR(ReadUnknown());
    NIBBLE_RETURN_IF_ERROR(ReadAddedTokens());
    NIBBLE_RETURN_IF_ERROR(FillTokens(std::move(entries_), rows_, file_.file(), vocabulary_));
    return std::move(vocabulary_);
  }

 private:
  bool sentence_piece() const { return vocabulary_.algorithm == Algorithm::kSentencePiece; }

  absl::Status ReadTokens() {
    const json::Value vocab = model_.Get("vocab");
    if (!vocab.is_object()) return vocab.Error("an object of tokens");
    const auto members = vocab.Members();
    entries_.reserve(members.size());
    ids_.reserve(members.size());
    for (const auto& [text, value] : members) {
      NIBBLE_ASSIGN_OR_RETURN(const int64_t id, value.Int(0, kMaxId));
      TokenType type = TokenType::kNormal;
      if (sentence_piece() && absl::StartsWith(text, "<0x") && text.size() == 6 && text.back() == '>') {
        if (!ParseByteToken(text)) return vocab.Error(absl::StrCat("byte tokens as <0x41>, not '", text, "'"));
        type = TokenType::kByte;
      }
      index_.emplace(id, entries_.size());
      ids_.emplace(text, id);
      entries_.push_back({static_cast<uint64_t>(id), std::string(text), type, 0});
    }
    return absl::OkStatus();
  }

  absl::Status ReadMerges() {
    const json::Value merges = model_.Get("merges");
    if (!merges.is_array()) return merges.Error("an array of merges");
    const auto elements = merges.Elements();
    // What no merge gives stands behind what one does.
    const float last = -static_cast<float>(elements.size());
    for (TokenEntry& entry : entries_) entry.score = last;
    for (size_t rank = 0; rank < elements.size(); ++rank) {
      NIBBLE_ASSIGN_OR_RETURN(const MergeParts merge, ReadMerge(elements[rank]));
      const auto joined = ids_.find(absl::StrCat(merge.left, merge.right));
      if (joined == ids_.end() || !ids_.contains(merge.left) || !ids_.contains(merge.right)) {
        return elements[rank].Error("two tokens of the vocabulary that give a third");
      }
      if (sentence_piece()) {
        float& score = entries_[index_[joined->second]].score;
        score = std::max(score, -static_cast<float>(rank));
      } else {
        vocabulary_.merges.push_back(absl::StrCat(merge.left, " ", merge.right));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadUnknown() {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view unknown, model_.Get("unk_token").StringOr(""));
    if (unknown.empty() || !sentence_piece()) return absl::OkStatus();
    const auto id = ids_.find(unknown);
    if (id == ids_.end()) return model_.Get("unk_token").Error("a token of the vocabulary");
    entries_[index_[id->second]].type = TokenType::kUnknown;
    vocabulary_.unknown = static_cast<uint32_t>(id->second);
    return absl::OkStatus();
  }

  absl::Status ReadAddedTokens() {
    for (const json::Value& token : root_.Get("added_tokens").Elements()) {
      NIBBLE_ASSIGN_OR_RETURN(const int64_t id, token.Get("id").Int(0, kMaxId));
      NIBBLE_ASSIGN_OR_RETURN(const absl::string_view content, token.Get("content").String());
      NIBBLE_ASSIGN_OR_RETURN(const bool special, token.Get("special").BoolOr(false));
      NIBBLE_RETURN_IF_ERROR(WarnOfFlags(token, content));
      if (const auto known = ids_.find(content); known != ids_.end() && known->second != static_cast<uint64_t>(id)) {
        return token.Get("id").Error(
            absl::StrCat(known->second, ", the id that '", content, "' has in the vocabulary"));
      }
      const auto same_id = index_.find(id);
      if (same_id != index_.end() && entries_[same_id->second].text != content) {
        return token.Error(
            absl::StrCat("id ", id, " to be '", entries_[same_id->second].text, "' as in the vocabulary"));
      }
      const TokenType type = AddedTokenType(content, special);
      entries_.push_back({static_cast<uint64_t>(id), AddedTokenText(content, type), type, kAddedTokenScore,
                          /*replaces=*/same_id != index_.end()});
    }
    return absl::OkStatus();
  }

  // What no GGUF can say about a token.
  absl::Status WarnOfFlags(json::Value token, absl::string_view content) {
    for (const char* flag : {"lstrip", "rstrip", "single_word"}) {
      NIBBLE_ASSIGN_OR_RETURN(const bool set, token.Get(flag).BoolOr(false));
      if (set) {
        vocabulary_.warnings.push_back(
            absl::StrCat(token.Place(), ": '", content, "' is ", flag, ", which is not followed"));
      }
    }
    return absl::OkStatus();
  }

  const json::Document& file_;
  const json::Value root_, model_;
  const std::string& pre_;
  const uint32_t rows_;
  Vocabulary vocabulary_;
  std::vector<TokenEntry> entries_;
  TokenIds ids_;                                 // of the model's tokens; keys lie in the document
  absl::flat_hash_map<uint64_t, size_t> index_;  // id -> entry
};

}  // namespace

absl::StatusOr<Vocabulary> ReadTokenizerJson(const json::Document& file, const std::string& pre, uint32_t rows) {
  return Reader(file, pre, rows).Read();
}

}  // namespace nibble::tokenizer
