// Which of a folder's files make its tokenizer.
#include <cctype>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "formats/json/json.h"
#include "formats/tokenizer/llama2c.h"
#include "formats/tokenizer/load.h"
#include "formats/tokenizer/pre_tokenizer_table.h"
#include "formats/tokenizer/sentencepiece_model.h"
#include "formats/tokenizer/token_table.h"
#include "formats/tokenizer/tokenizer_config.h"
#include "formats/tokenizer/tokenizer_json.h"
#include "formats/tokenizer/vocab_merges.h"

namespace nibble::tokenizer {
namespace {

// Several times what any published file has.
constexpr uint64_t kMaxVocabularyBytes = 256 << 20;
constexpr uint64_t kMaxConfigBytes = 32 << 20;

class Folder {
 public:
  Folder(io::FileSystem& files, const std::string& directory, const LoadOptions& options)
      : files_(files), directory_(directory), options_(options) {}

  absl::StatusOr<Vocabulary> Load() {
    NIBBLE_ASSIGN_OR_RETURN(json::Document tokenizer_json, Json("tokenizer.json", kMaxVocabularyBytes));
    NIBBLE_ASSIGN_OR_RETURN(json::Document tokenizer_config, Json("tokenizer_config.json", kMaxConfigBytes));
    NIBBLE_ASSIGN_OR_RETURN(json::Document config, Json("config.json", kMaxConfigBytes));
    NIBBLE_ASSIGN_OR_RETURN(json::Document chat_template, Json("chat_template.json", kMaxConfigBytes));
    NIBBLE_ASSIGN_OR_RETURN(std::optional<std::string> jinja, Text("chat_template.jinja", kMaxConfigBytes));
    const ConfigFiles config_files{std::move(tokenizer_json), std::move(tokenizer_config), std::move(config),
                                   std::move(chat_template), jinja.value_or("")};
    NIBBLE_ASSIGN_OR_RETURN(Vocabulary vocabulary, LoadTokens(config_files));
    NIBBLE_RETURN_IF_ERROR(ApplyConfig(config_files, vocabulary));
    NIBBLE_RETURN_IF_ERROR(Validate(vocabulary, directory_));
    return vocabulary;
  }

 private:
  // The readers in the order in which llama.cpp's converter prefers them.
  absl::StatusOr<Vocabulary> LoadTokens(const ConfigFiles& config) {
    NIBBLE_ASSIGN_OR_RETURN(const std::optional<std::string> model, Text("tokenizer.model", kMaxVocabularyBytes));
    const bool ranks = model && LooksLikeTiktoken(*model);
    if (model && !ranks) return FromSentencePiece(*model, config);
    if (config.tokenizer_json.root().size() > 0) {
      return ReadTokenizerJson(config.tokenizer_json, options_.pre, options_.vocab_size);
    }
    NIBBLE_ASSIGN_OR_RETURN(const std::optional<std::string> merges, Text("merges.txt", kMaxVocabularyBytes));
    if (merges) return FromVocabMerges(*merges, config);
    for (const char* name : {"tokenizer.bin", "tokenizer.llama2c.bin"}) {
      NIBBLE_ASSIGN_OR_RETURN(const std::optional<std::string> bin, Text(name, kMaxVocabularyBytes));
      if (bin) return ReadLlama2c(*bin, options_.vocab_size, Path(name));
    }
    if (ranks) {
      return absl::UnimplementedError(
          absl::StrCat(Path("tokenizer.model"),
                       ": expected a SentencePiece model, found tiktoken ranks; put tokenizer.json beside it"));
    }
    return absl::NotFoundError(absl::StrCat(
        directory_,
        ": expected tokenizer.model, tokenizer.json, vocab.json with merges.txt, or tokenizer.bin, found none"));
  }

  absl::StatusOr<Vocabulary> FromSentencePiece(const std::string& bytes, const ConfigFiles& config) {
    const std::string place = Path("tokenizer.model");
    NIBBLE_ASSIGN_OR_RETURN(SentencePieceModel model, ReadSentencePieceModel(bytes, place));
    NIBBLE_RETURN_IF_ERROR(AddTokens(config.tokenizer_config, model.entries));
    NIBBLE_RETURN_IF_ERROR(FillTokens(std::move(model.entries), options_.vocab_size, place, model.vocabulary));
    const json::Value prefix = config.tokenizer_config.root().Get("add_prefix_space");
    if (prefix.is_bool()) {
      NIBBLE_ASSIGN_OR_RETURN(model.vocabulary.add_space_prefix, prefix.Bool());
    }
    return std::move(model.vocabulary);
  }

  absl::StatusOr<Vocabulary> FromVocabMerges(const std::string& merges, const ConfigFiles& config) {
    NIBBLE_ASSIGN_OR_RETURN(const json::Document vocab, Json("vocab.json", kMaxVocabularyBytes));
    NIBBLE_ASSIGN_OR_RETURN(VocabMerges files, ReadVocabMerges(vocab, merges, Path("merges.txt")));
    NIBBLE_RETURN_IF_ERROR(AddTokens(config.tokenizer_config, files.entries));
    NIBBLE_RETURN_IF_ERROR(FillTokens(std::move(files.entries), options_.vocab_size, vocab.file(), files.vocabulary));
    const absl::string_view tokenizer_class =
        config.tokenizer_config.root().Get("tokenizer_class").StringOr("").value_or("");
    files.vocabulary.pre = !options_.pre.empty()                 ? options_.pre
                           : tokenizer_class == "Qwen2Tokenizer" ? "qwen2"
                                                                 : "gpt-2";
    const PreTokenizerRow& row = *FindPreTokenizer(files.vocabulary.pre);
    files.vocabulary.nfc = row.nfc;
    return std::move(files.vocabulary);
  }

  // Tokens that were added to a vocabulary: added_tokens.json, then tokenizer_config.json's added_tokens_decoder.
  absl::Status AddTokens(const json::Document& tokenizer_config, std::vector<TokenEntry>& entries) {
    constexpr int64_t kMaxId = std::numeric_limits<uint32_t>::max();
    NIBBLE_ASSIGN_OR_RETURN(const json::Document added, Json("added_tokens.json", kMaxConfigBytes));
    for (const auto& [text, value] : added.root().Members()) {
      NIBBLE_ASSIGN_OR_RETURN(const int64_t id, value.Int(0, kMaxId));
      entries.push_back(
          {static_cast<uint64_t>(id), std::string(text), TokenType::kUserDefined, kAddedTokenScore, true});
    }
    for (const auto& [key, token] : tokenizer_config.root().Get("added_tokens_decoder").Members()) {
      uint32_t id = 0;
      if (!absl::SimpleAtoi(key, &id)) return token.Error("the id of a token as its key");
      NIBBLE_ASSIGN_OR_RETURN(const absl::string_view content, token.Get("content").String());
      NIBBLE_ASSIGN_OR_RETURN(const bool special, token.Get("special").BoolOr(false));
      const TokenType type = AddedTokenType(content, special);
      entries.push_back({id, AddedTokenText(content, type), type, kAddedTokenScore, true});
    }
    return absl::OkStatus();
  }

  // "<base64> <rank>" in every line: Llama 3 publishes such a file under SentencePiece's name.
  static bool LooksLikeTiktoken(absl::string_view bytes) {
    const std::pair<absl::string_view, absl::string_view> fields =
        absl::StrSplit(bytes.substr(0, bytes.find('\n')), absl::MaxSplits(' ', 1));
    uint32_t rank = 0;
    const bool base64 = !fields.first.empty() && fields.first.find_first_not_of(
                                                     "+/=0123456789"
                                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                     "abcdefghijklmnopqrstuvwxyz") == fields.first.npos;
    return base64 && absl::SimpleAtoi(fields.second, &rank);
  }

  std::string Path(const char* name) const { return io::JoinPath(directory_, name); }

  absl::StatusOr<std::optional<std::string>> Text(const char* name, uint64_t limit) {
    absl::StatusOr<std::string> text = io::ReadWholeFile(files_, Path(name), limit);
    if (absl::IsNotFound(text.status())) return std::nullopt;
    NIBBLE_RETURN_IF_ERROR(text.status());
    return *std::move(text);
  }

  // The document, or "{}" if there is no such file.
  absl::StatusOr<json::Document> Json(const char* name, uint64_t limit) {
    NIBBLE_ASSIGN_OR_RETURN(std::optional<std::string> text, Text(name, limit));
    return json::Document::Parse(std::move(text).value_or("{}"), Path(name));
  }

  io::FileSystem& files_;
  const std::string& directory_;
  const LoadOptions& options_;
};

absl::Status CheckPre(const std::string& pre) {
  if (pre.empty() || FindPreTokenizer(pre)) return absl::OkStatus();
  const std::string names = absl::StrJoin(
      PreTokenizers(), " ", [](std::string* out, const PreTokenizerRow& row) { absl::StrAppend(out, row.name); });
  return absl::InvalidArgumentError(absl::StrCat("--pre: expected one of: ", names, "; found '", pre, "'"));
}

}  // namespace

absl::StatusOr<Vocabulary> LoadFolder(io::FileSystem& files, const std::string& directory, const LoadOptions& options) {
  NIBBLE_RETURN_IF_ERROR(CheckPre(options.pre));
  return Folder(files, directory, options).Load();
}

}  // namespace nibble::tokenizer
