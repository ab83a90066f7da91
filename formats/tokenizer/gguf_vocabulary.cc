// The tokenizer.* keys of a GGUF, both ways.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/tokenizer/load.h"
#include "formats/tokenizer/pre_tokenizer_table.h"

namespace nibble::tokenizer {
namespace {

constexpr char kModel[] = "tokenizer.ggml.model";
constexpr char kPre[] = "tokenizer.ggml.pre";
constexpr char kTokens[] = "tokenizer.ggml.tokens";
constexpr char kScores[] = "tokenizer.ggml.scores";
constexpr char kTypes[] = "tokenizer.ggml.token_type";
constexpr char kMerges[] = "tokenizer.ggml.merges";
constexpr char kAddSpacePrefix[] = "tokenizer.ggml.add_space_prefix";
constexpr char kRemoveExtraSpaces[] = "tokenizer.ggml.remove_extra_whitespaces";
constexpr char kTemplate[] = "tokenizer.chat_template";
constexpr char kTemplateNames[] = "tokenizer.chat_templates";

constexpr uint64_t kMaxId = 0xFFFFFFFF;

struct Model {
  const char* name;
  Algorithm algorithm;
};
constexpr Model kModels[] = {{"gpt2", Algorithm::kByteLevelBpe}, {"llama", Algorithm::kSentencePiece}};

struct Flag {
  const char* key;
  std::optional<bool> Vocabulary::*add;
};
// In the order in which the converter writes them, which follows from the files that each kind has.
constexpr Flag kByteLevelFlags[] = {{"tokenizer.ggml.add_bos_token", &Vocabulary::add_bos},
                                    {"tokenizer.ggml.add_eos_token", &Vocabulary::add_eos},
                                    {"tokenizer.ggml.add_sep_token", &Vocabulary::add_sep}};
constexpr Flag kSentencePieceFlags[] = {{"tokenizer.ggml.add_bos_token", &Vocabulary::add_bos},
                                        {"tokenizer.ggml.add_sep_token", &Vocabulary::add_sep},
                                        {"tokenizer.ggml.add_eos_token", &Vocabulary::add_eos}};

absl::Span<const Flag> FlagsOf(Algorithm algorithm) {
  if (algorithm == Algorithm::kByteLevelBpe) return kByteLevelFlags;
  return kSentencePieceFlags;
}

// The array of that key, of that element type; kDataLoss if it is something else or not there.
template <typename T>
absl::StatusOr<std::vector<T>> ArrayOf(const gguf::Metadata& metadata, const char* key, const char* what) {
  const gguf::Value* value = metadata.Find(key);
  const auto* array = value == nullptr ? nullptr : std::get_if<gguf::Array>(value);
  const auto* elements = array == nullptr ? nullptr : std::get_if<std::vector<T>>(array);
  if (elements == nullptr) {
    return BadData(metadata.Place(key), absl::StrCat("an array of ", what),
                   value == nullptr ? "nothing" : "another type");
  }
  return *elements;
}

absl::StatusOr<Algorithm> ReadAlgorithm(const gguf::Metadata& metadata) {
  NIBBLE_ASSIGN_OR_RETURN(const std::string name, metadata.String(kModel));
  for (const Model& model : kModels) {
    if (name == model.name) return model.algorithm;
  }
  return absl::UnimplementedError(absl::StrCat(metadata.Place(kModel), ": expected gpt2 or llama, found '", name, "'"));
}

absl::Status ReadTypes(const gguf::Metadata& metadata, Vocabulary& vocabulary) {
  if (metadata.Find(kTypes) == nullptr) {
    vocabulary.types.assign(vocabulary.tokens.size(), TokenType::kNormal);
    return absl::OkStatus();
  }
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<int32_t> types, ArrayOf<int32_t>(metadata, kTypes, "int32"));
  vocabulary.types.reserve(types.size());
  for (size_t id = 0; id < types.size(); ++id) {
    if (types[id] < static_cast<int32_t>(TokenType::kNormal) || types[id] > static_cast<int32_t>(TokenType::kByte)) {
      return BadData(absl::StrCat(metadata.Place(kTypes), ", token ", id), "a type from 1 to 6",
                     absl::StrCat(types[id]));
    }
    vocabulary.types.push_back(static_cast<TokenType>(types[id]));
  }
  return absl::OkStatus();
}

// Byte-level BPE has no use for scores; where they are, they are one for each token.
absl::Status CheckScores(const gguf::Metadata& metadata, size_t tokens) {
  if (metadata.Find(kScores) == nullptr) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> scores, ArrayOf<float>(metadata, kScores, "float32"));
  if (scores.size() == tokens) return absl::OkStatus();
  return BadData(metadata.Place(kScores), absl::StrCat(tokens, ", one for each token"), absl::StrCat(scores.size()));
}

absl::Status ReadByteLevel(const gguf::Metadata& metadata, Vocabulary& vocabulary) {
  NIBBLE_RETURN_IF_ERROR(CheckScores(metadata, vocabulary.tokens.size()));
  NIBBLE_ASSIGN_OR_RETURN(vocabulary.pre, metadata.String(kPre));
  NIBBLE_ASSIGN_OR_RETURN(vocabulary.merges, ArrayOf<std::string>(metadata, kMerges, "strings"));
  if (const PreTokenizerRow* row = FindPreTokenizer(vocabulary.pre)) {
    vocabulary.ignore_merges = row->ignore_merges;
    vocabulary.nfc = row->nfc;
  }
  return absl::OkStatus();
}

absl::Status ReadSentencePiece(const gguf::Metadata& metadata, Vocabulary& vocabulary) {
  vocabulary.pre = "default";
  if (metadata.Find(kPre)) {
    NIBBLE_ASSIGN_OR_RETURN(vocabulary.pre, metadata.String(kPre));
  }
  NIBBLE_ASSIGN_OR_RETURN(vocabulary.scores, ArrayOf<float>(metadata, kScores, "float32"));
  vocabulary.add_space_prefix = true;
  if (metadata.Find(kAddSpacePrefix)) {
    NIBBLE_ASSIGN_OR_RETURN(vocabulary.add_space_prefix, metadata.Bool(kAddSpacePrefix));
  }
  if (metadata.Find(kRemoveExtraSpaces)) {
    NIBBLE_ASSIGN_OR_RETURN(vocabulary.remove_extra_spaces, metadata.Bool(kRemoveExtraSpaces));
  }
  return absl::OkStatus();
}

absl::Status ReadSpecials(const gguf::Metadata& metadata, Vocabulary& vocabulary) {
  for (const SpecialId& special : SpecialIds()) {
    if (!metadata.Find(special.gguf_key)) continue;
    NIBBLE_ASSIGN_OR_RETURN(const uint64_t id, metadata.Uint(special.gguf_key, 0, kMaxId));
    vocabulary.*special.id = static_cast<uint32_t>(id);
  }
  for (const Flag& flag : FlagsOf(vocabulary.algorithm)) {
    if (!metadata.Find(flag.key)) continue;
    NIBBLE_ASSIGN_OR_RETURN(vocabulary.*flag.add, metadata.Bool(flag.key));
  }
  return absl::OkStatus();
}

std::string NamedTemplateKey(absl::string_view name) { return absl::StrCat(kTemplate, ".", name); }

absl::Status ReadTemplates(const gguf::Metadata& metadata, Vocabulary& vocabulary) {
  if (metadata.Find(kTemplate)) {
    NIBBLE_ASSIGN_OR_RETURN(vocabulary.chat_template, metadata.String(kTemplate));
  }
  if (!metadata.Find(kTemplateNames)) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          ArrayOf<std::string>(metadata, kTemplateNames, "strings"));
  for (const std::string& name : names) {
    NIBBLE_ASSIGN_OR_RETURN(std::string text, metadata.String(NamedTemplateKey(name)));
    vocabulary.named_chat_templates.emplace_back(name, std::move(text));
  }
  return absl::OkStatus();
}

void WriteTemplates(const Vocabulary& vocabulary, gguf::Metadata& metadata) {
  std::vector<std::string> names;
  for (const auto& [name, text] : vocabulary.named_chat_templates) {
    metadata.Set(NamedTemplateKey(name), text);
    names.push_back(name);
  }
  if (!names.empty()) metadata.Set(kTemplateNames, gguf::Array(std::move(names)));
  if (!vocabulary.chat_template.empty()) metadata.Set(kTemplate, vocabulary.chat_template);
}

}  // namespace

absl::StatusOr<Vocabulary> FromGguf(const gguf::Metadata& metadata) {
  Vocabulary vocabulary;
  NIBBLE_ASSIGN_OR_RETURN(vocabulary.algorithm, ReadAlgorithm(metadata));
  NIBBLE_ASSIGN_OR_RETURN(vocabulary.tokens, ArrayOf<std::string>(metadata, kTokens, "strings"));
  NIBBLE_RETURN_IF_ERROR(ReadTypes(metadata, vocabulary));
  NIBBLE_RETURN_IF_ERROR(vocabulary.algorithm == Algorithm::kByteLevelBpe ? ReadByteLevel(metadata, vocabulary)
                                                                          : ReadSentencePiece(metadata, vocabulary));
  NIBBLE_RETURN_IF_ERROR(ReadSpecials(metadata, vocabulary));
  NIBBLE_RETURN_IF_ERROR(ReadTemplates(metadata, vocabulary));
  NIBBLE_RETURN_IF_ERROR(Validate(vocabulary, metadata.Place("tokenizer.*")));
  WarnOfTemplates(metadata.Place(kTemplate), vocabulary);
  return vocabulary;
}

void ToGguf(const Vocabulary& vocabulary, gguf::Metadata& metadata) {
  const bool byte_level = vocabulary.algorithm == Algorithm::kByteLevelBpe;
  std::vector<int32_t> types;
  types.reserve(vocabulary.types.size());
  for (const TokenType type : vocabulary.types) types.push_back(static_cast<int32_t>(type));

  for (const Model& model : kModels) {
    if (vocabulary.algorithm == model.algorithm) metadata.Set(kModel, std::string(model.name));
  }
  metadata.Set(kPre, vocabulary.pre);
  metadata.Set(kTokens, gguf::Array(vocabulary.tokens));
  if (!byte_level) metadata.Set(kScores, gguf::Array(vocabulary.scores));
  metadata.Set(kTypes, gguf::Array(std::move(types)));
  if (byte_level) metadata.Set(kMerges, gguf::Array(vocabulary.merges));
  for (const SpecialId& special : SpecialIds()) {
    if (const auto& id = vocabulary.*special.id) metadata.Set(special.gguf_key, *id);
  }
  for (const Flag& flag : FlagsOf(vocabulary.algorithm)) {
    if (const auto& add = vocabulary.*flag.add) metadata.Set(flag.key, *add);
  }
  WriteTemplates(vocabulary, metadata);
  if (!byte_level && !vocabulary.add_space_prefix) metadata.Set(kAddSpacePrefix, false);
  if (vocabulary.remove_extra_spaces) metadata.Set(kRemoveExtraSpaces, true);
}

}  // namespace nibble::tokenizer
