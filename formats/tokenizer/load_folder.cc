// Which of a folder's files make its tokenizer.
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "formats/json/json.h"
#include "formats/tokenizer/llama2c.h"
#include "formats/tokenizer/load.h"
#include "formats/tokenizer/pre_tokenizer_table.h"
#include "formats/tokenizer/sentencepiece_model.h"
#include "formats/tokenizer/tekken.h"
#include "formats/tokenizer/tiktoken_model.h"
#include "formats/tokenizer/token_table.h"
#include "formats/tokenizer/tokenizer_config.h"
#include "formats/tokenizer/tokenizer_json.h"
#include "formats/tokenizer/vocab_merges.h"

namespace nibble::tokenizer {
namespace {

// Several times what any published file has.
constexpr uint64_t kMaxVocabularyBytes = 256 << 20;
constexpr uint64_t kMaxConfigBytes = 32 << 20;

// Mistral's consolidated folders have the format's version behind the name.
constexpr const char* kSentencePieceNames[] = {"tokenizer.model",    "tokenizer.model.v7m1", "tokenizer.model.v7",
                                               "tokenizer.model.v3", "tokenizer.model.v2",   "tokenizer.model.v1"};

struct NamedText {
  std::string path, text;
};

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
    const bool has_tokenizer_json = files_.Stat(config.tokenizer_json.file()).ok();
    if (!has_tokenizer_json) {
      NIBBLE_ASSIGN_OR_RETURN(const json::Document tekken, Json("tekken.json", kMaxVocabularyBytes));
      if (tekken.root().size() > 0) return ReadTekken(tekken, options_.pre, options_.vocab_size);
    }
    NIBBLE_ASSIGN_OR_RETURN(const auto model, FirstOf(kSentencePieceNames));
    const bool ranks = model && LooksLikeTiktoken(model->text);
    if (model && !ranks) return FromSentencePiece(*model, config);
    if (has_tokenizer_json) return ReadTokenizerJson(config.tokenizer_json, options_.pre, options_.vocab_size);
    NIBBLE_ASSIGN_OR_RETURN(const std::optional<std::string> merges, Text("merges.txt", kMaxVocabularyBytes));
    if (merges) return FromVocabMerges(*merges, config);
    NIBBLE_ASSIGN_OR_RETURN(const auto tiktoken, FirstOf({"tiktoken.model"}));
    if (tiktoken) return FromTiktoken(*tiktoken, config);
    if (ranks) return FromTiktoken(*model, config);
    NIBBLE_ASSIGN_OR_RETURN(const auto llama2c, FirstOf({"tokenizer.bin", "tokenizer.llama2c.bin"}));
    if (llama2c) return ReadLlama2c(llama2c->text, options_.vocab_size, llama2c->path);
    return absl::NotFoundError(
        absl::StrCat(directory_,
                     ": expected tokenizer.model, tokenizer.json, tekken.json, vocab.json with merges.txt, "
                     "tiktoken.model, or tokenizer.bin, found none"));
  }

  absl::StatusOr<Vocabulary> FromTiktoken(const NamedText& ranks, const ConfigFiles& config) {
    return ReadTiktokenModel(ranks.text, ranks.path, config.tokenizer_config, options_.pre, options_.vocab_size);
  }

  absl::StatusOr<Vocabulary> FromSentencePiece(const NamedText& file, const ConfigFiles& config) {
    NIBBLE_ASSIGN_OR_RETURN(SentencePieceModel model, ReadSentencePieceModel(file.text, file.path));
    NIBBLE_RETURN_IF_ERROR(AddTokens(config.tokenizer_config, model.entries));
    NIBBLE_RETURN_IF_ERROR(FillTokens(std::move(model.entries), options_.vocab_size, file.path, model.vocabulary));
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
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<AddedToken> tokens, ReadAddedTokens(tokenizer_config));
    for (const AddedToken& token : tokens) {
      const TokenType type = AddedTokenType(token.content, token.special);
      entries.push_back({token.id, AddedTokenText(token.content, type), type, kAddedTokenScore, true});
    }
    return absl::OkStatus();
  }

  std::string Path(const char* name) const { return io::JoinPath(directory_, name); }

  absl::StatusOr<std::optional<std::string>> Text(const char* name, uint64_t limit) {
    absl::StatusOr<std::string> text = io::ReadWholeFile(files_, Path(name), limit);
    if (absl::IsNotFound(text.status())) {
      // A hub's cache that was not fetched whole: what the link stands for must not be left out in silence.
      const absl::StatusOr<io::FileInfo> info = files_.Stat(Path(name));
      if (info.ok() && info->kind == io::FileKind::kBrokenLink) {
        return BadData(Path(name), "a file", "a link that leads nowhere");
      }
      return std::nullopt;
    }
    NIBBLE_RETURN_IF_ERROR(text.status());
    return *std::move(text);
  }

  // The first of these files that is there.
  absl::StatusOr<std::optional<NamedText>> FirstOf(absl::Span<const char* const> names) {
    for (const char* name : names) {
      NIBBLE_ASSIGN_OR_RETURN(std::optional<std::string> text, Text(name, kMaxVocabularyBytes));
      if (text) return NamedText{Path(name), *std::move(text)};
    }
    return std::nullopt;
  }

  // The document, or "{}" if there is no such file. One that is there says something.
  absl::StatusOr<json::Document> Json(const char* name, uint64_t limit) {
    NIBBLE_ASSIGN_OR_RETURN(std::optional<std::string> text, Text(name, limit));
    const bool is_there = text.has_value();
    NIBBLE_ASSIGN_OR_RETURN(json::Document document, json::Document::Parse(std::move(text).value_or("{}"), Path(name)));
    if (is_there && !document.root().is_object()) return document.root().Error("a JSON object");
    return document;
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
