#include "formats/tokenizer/tokenizer_config.h"

#include <algorithm>
#include <limits>
#include <map>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace nibble::tokenizer {
namespace {

// The text of a token, given as it is or as an object with its flags; empty if there is none.
std::string TokenText(json::Value token) {
  return std::string((token.is_object() ? token.Get("content") : token).String().value_or(""));
}

// Which tokens the configuration calls bos, eos, ... : by the names of SpecialIds().
// A std::map, because entries are made from others of it.
using TokenTexts = std::map<std::string, std::string>;

TokenTexts ReadTokenTexts(json::Value config) {
  TokenTexts texts;
  for (const char* name : {"bos", "eos", "unk", "sep", "pad", "mask", "cls"}) {
    if (std::string text = TokenText(config.Get(absl::StrCat(name, "_token"))); !text.empty()) texts[name] = text;
  }
  if (texts.contains("cls")) texts.emplace("bos", texts["cls"]);
  if (texts.contains("sep")) texts.emplace("eos", texts["sep"]);
  return texts;
}

// The special token of a template's element; empty if it is none, or there is no such element.
std::string SpecialOf(json::Value element) { return TokenText(element.Get("SpecialToken").Get("id")); }

// A template may name what there is no id for; left out, texts would lose a token without a word.
absl::Status CheckSpecial(json::Value element, const Vocabulary& vocabulary) {
  const std::string text = SpecialOf(element);
  const auto& tokens = vocabulary.tokens;
  if (text.empty() || std::find(tokens.begin(), tokens.end(), text) != tokens.end()) return absl::OkStatus();
  return element.Get("SpecialToken").Get("id").Error("a token of the vocabulary");
}

// {"type": "TemplateProcessing", "single": [bos, A, eos], "pair": [bos, A, sep, B, eos]}: what it adds.
void ApplyTemplate(json::Value processor, TokenTexts& texts, Vocabulary& vocabulary) {
  const json::Value single = processor.Get("single");
  const std::string first = single.size() > 1 ? SpecialOf(single.At(0)) : "";
  const std::string last = single.size() > 1 ? SpecialOf(single.At(single.size() - 1)) : "";
  if (!first.empty()) {
    texts.emplace("bos", first);
    vocabulary.add_bos = first == texts["bos"];
  }
  if (!last.empty()) {
    if (texts.contains("eos") && texts["eos"] != last) texts["eot"] = texts["eos"];
    texts["eos"] = last;
    vocabulary.add_eos = true;
  }
  // What stands between A and B.
  std::vector<std::string> between;
  bool inside = false;
  for (const json::Value& element : processor.Get("pair").Elements()) {
    const json::Value sequence = element.Get("Sequence");
    if (sequence.exists()) {
      inside = TokenText(sequence.Get("id")) == "A";
    } else if (inside) {
      between.push_back(SpecialOf(element));
    }
  }
  if (between.empty()) return;
  const auto separates = [&](const std::string& text) { return text == texts["sep"] || text == texts["eos"]; };
  const bool second = between.size() == 2 && separates(between[1]);
  vocabulary.add_sep = (separates(between[0]) && last.empty()) || second;
  if (*vocabulary.add_sep) texts.emplace("sep", texts["eos"]);
}

absl::Status ApplyPostProcessor(json::Value processor, TokenTexts& texts, Vocabulary& vocabulary) {
  if (!processor.is_object()) return absl::OkStatus();
  const absl::string_view type = processor.Get("type").StringOr("").value_or("");
  if (type == "Sequence") {
    for (const json::Value& inner : processor.Get("processors").Elements()) {
      NIBBLE_RETURN_IF_ERROR(ApplyPostProcessor(inner, texts, vocabulary));
    }
  } else if (type == "ByteLevel") {  // adds nothing, and has its say before tokenizer_config.json
    vocabulary.add_bos = vocabulary.add_bos.value_or(false);
    vocabulary.add_eos = vocabulary.add_eos.value_or(false);
  } else if (type == "TemplateProcessing") {
    for (const json::Value& element : processor.Get("single").Elements()) {
      NIBBLE_RETURN_IF_ERROR(CheckSpecial(element, vocabulary));
    }
    ApplyTemplate(processor, texts, vocabulary);
  } else {
    return absl::UnimplementedError(absl::StrCat(processor.Get("type").Place(),
                                                 ": expected ByteLevel or TemplateProcessing, found ",
                                                 processor.Get("type").Found()));
  }
  return absl::OkStatus();
}

void ApplyFlag(json::Value flag, std::optional<bool>& add) {
  if (flag.is_bool() && !add) add = *flag.Bool();
}

// Ids of literal tokens by their text.
absl::flat_hash_map<absl::string_view, uint32_t> LiteralTokens(const Vocabulary& vocabulary) {
  absl::flat_hash_map<absl::string_view, uint32_t> ids;
  for (uint32_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    if (type == TokenType::kControl || type == TokenType::kUserDefined || type == TokenType::kUnknown) {
      ids.emplace(vocabulary.tokens[id], id);
    }
  }
  return ids;
}

// config.json's "bos_token_id" and the like; of multimodal models, that of the text model within.
json::Value ConfigId(json::Value config, const char* name) {
  const std::string key = absl::StrCat(name, "_token_id");
  const json::Value id = config.Get(key);
  return id.exists() && !id.is_null() ? id : config.Get("text_config").Get(key);
}

// One id, or several (what ends a turn is known by its text, so these are only checked), or -1, which says that there
// is none.
absl::Status CheckId(const json::Value& value, size_t tokens, bool in_list = false) {
  if (!value.exists() || value.is_null()) return absl::OkStatus();
  if (value.is_array() && !in_list) {
    for (const json::Value& id : value.Elements()) NIBBLE_RETURN_IF_ERROR(CheckId(id, tokens, true));
    return absl::OkStatus();
  }
  const absl::StatusOr<int64_t> id = value.Int(-1, std::numeric_limits<int64_t>::max());
  if (id.ok() && *id < static_cast<int64_t>(tokens)) return absl::OkStatus();
  return value.Error(absl::StrCat("an id below ", tokens, ", the size of the vocabulary"));
}

absl::Status ApplyIds(const TokenTexts& texts, json::Value config, Vocabulary& vocabulary) {
  const auto literals = LiteralTokens(vocabulary);
  for (const SpecialId& special : SpecialIds()) {
    const json::Value value = ConfigId(config, special.name);
    NIBBLE_RETURN_IF_ERROR(CheckId(value, vocabulary.tokens.size()));
    std::optional<uint32_t>& id = vocabulary.*special.id;
    const auto text = texts.find(special.name);
    const auto literal = text == texts.end() ? literals.end() : literals.find(text->second);
    if (literal != literals.end()) {
      id = literal->second;
      continue;
    }
    const int64_t number = value.is_number() ? *value.Int(-1, std::numeric_limits<int64_t>::max()) : -1;
    if (number >= 0) id = static_cast<uint32_t>(number);
  }
  return absl::OkStatus();
}

// A name as it may stand in a GGUF key.
std::string KeyName(absl::string_view name) {
  std::string key(name);
  for (char& c : key) {
    if (!absl::ascii_isalnum(c)) c = '_';
  }
  return key;
}

absl::Status ApplyTemplates(json::Value value, Vocabulary& vocabulary) {
  if (value.is_string()) {
    vocabulary.chat_template = std::string(*value.String());
    return absl::OkStatus();
  }
  if (value.exists() && !value.is_array()) return value.Error("a template, or a list of them");
  for (const json::Value& choice : value.Elements()) {
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name, choice.Get("name").String());
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view text, choice.Get("template").String());
    if (name == "default") {
      vocabulary.chat_template = std::string(text);
    } else if (!name.empty()) {
      vocabulary.named_chat_templates.emplace_back(KeyName(name), text);
    }
  }
  return absl::OkStatus();
}

absl::Status ApplyChatTemplate(const ConfigFiles& files, Vocabulary& vocabulary) {
  const json::Value own = files.tokenizer_config.root().Get("chat_template");
  if (own.exists() && !own.is_null()) {
    NIBBLE_RETURN_IF_ERROR(ApplyTemplates(own, vocabulary));
  } else if (!files.jinja.empty()) {
    vocabulary.chat_template = files.jinja;
  } else {
    NIBBLE_RETURN_IF_ERROR(ApplyTemplates(files.chat_template.root().Get("chat_template"), vocabulary));
  }
  WarnOfTemplates(files.tokenizer_config.file(), vocabulary);
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyConfig(const ConfigFiles& files, Vocabulary& vocabulary) {
  const json::Value config = files.tokenizer_config.root();
  TokenTexts texts = ReadTokenTexts(config);
  NIBBLE_RETURN_IF_ERROR(ApplyPostProcessor(files.tokenizer_json.root().Get("post_processor"), texts, vocabulary));
  ApplyFlag(config.Get("add_bos_token"), vocabulary.add_bos);
  ApplyFlag(config.Get("add_eos_token"), vocabulary.add_eos);
  ApplyFlag(config.Get("add_sep_token"), vocabulary.add_sep);
  NIBBLE_RETURN_IF_ERROR(ApplyIds(texts, files.config.root(), vocabulary));
  return ApplyChatTemplate(files, vocabulary);
}

absl::StatusOr<std::vector<AddedToken>> ReadAddedTokens(const json::Document& tokenizer_config) {
  std::vector<AddedToken> tokens;
  for (const auto& [key, token] : tokenizer_config.root().Get("added_tokens_decoder").Members()) {
    uint32_t id = 0;
    if (!absl::SimpleAtoi(key, &id)) return token.Error("the id of a token as its key");
    NIBBLE_ASSIGN_OR_RETURN(const absl::string_view content, token.Get("content").String());
    NIBBLE_ASSIGN_OR_RETURN(const bool special, token.Get("special").BoolOr(false));
    tokens.push_back({id, content, special});
  }
  return tokens;
}

}  // namespace nibble::tokenizer
