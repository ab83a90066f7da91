#include "formats/tokenizer/vocabulary.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "formats/tokenizer/pre_tokenizer_table.h"

namespace nibble::tokenizer {
namespace {

constexpr SpecialId kSpecialIds[] = {
    {"bos", "tokenizer.ggml.bos_token_id", &Vocabulary::bos},
    {"eos", "tokenizer.ggml.eos_token_id", &Vocabulary::eos},
    {"unk", "tokenizer.ggml.unknown_token_id", &Vocabulary::unknown},
    {"sep", "tokenizer.ggml.seperator_token_id", &Vocabulary::separator},
    {"pad", "tokenizer.ggml.padding_token_id", &Vocabulary::padding},
    {"mask", "tokenizer.ggml.mask_token_id", &Vocabulary::mask},
    {"eot", "tokenizer.ggml.eot_token_id", &Vocabulary::eot},
    {"eom", "tokenizer.ggml.eom_token_id", &Vocabulary::eom},
};

// Control tokens that end a turn in some family: files name only one of them as eos.
constexpr absl::string_view kEndTexts[] = {
    "<|eot_id|>",
    "<|eom_id|>",
    "<|eot|>",
    "<|eom|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<end_of_turn>",
    "[EOS]",
    "[EOT]",
    "<EOT>",
    "<|endoftext|>",
    "<｜end▁of▁sentence｜>",
};

absl::Status CheckSizes(const Vocabulary& v, absl::string_view place) {
  const std::string tokens = absl::StrCat(v.tokens.size(), ", one for each token");
  if (v.tokens.empty()) return BadData(place, "a vocabulary", "no tokens");
  if (v.types.size() != v.tokens.size())
    return BadData(absl::StrCat(place, ": token types"), tokens, absl::StrCat(v.types.size()));
  if (v.algorithm == Algorithm::kSentencePiece && v.scores.size() != v.tokens.size()) {
    return BadData(absl::StrCat(place, ": token scores"), tokens, absl::StrCat(v.scores.size()));
  }
  return absl::OkStatus();
}

// What templates that only format messages have no use for: the ways out of a template engine's sandbox.
constexpr absl::string_view kSuspicious[] = {"__class__",  "__globals__",  "__subclasses__", "__mro__",
                                             "__import__", "__builtins__", "__init__",       "os.popen"};

void WarnOfTemplate(absl::string_view place, absl::string_view text, Vocabulary& vocabulary) {
  for (const absl::string_view marker : kSuspicious) {
    if (!absl::StrContains(text, marker)) continue;
    vocabulary.warnings.push_back(
        absl::StrCat(place, ": the chat template has '", marker, "', which formats no message; it is copied as it is"));
  }
}

absl::Status CheckText(absl::string_view text, absl::string_view place, absl::string_view what) {
  const size_t bad = FindInvalidUtf8(text);
  if (bad == absl::string_view::npos) return absl::OkStatus();
  return BadData(absl::StrCat(place, ": ", what, ": byte ", bad), "text in UTF-8",
                 absl::StrCat("'", absl::CHexEscape(text.substr(bad, 4)), "'"));
}

// What is copied to other files.
absl::Status CheckTexts(const Vocabulary& v, absl::string_view place) {
  for (size_t id = 0; id < v.tokens.size(); ++id) {
    if (FindInvalidUtf8(v.tokens[id]) == absl::string_view::npos) continue;
    return CheckText(v.tokens[id], place, absl::StrCat("token ", id));
  }
  for (const std::string& merge : v.merges) NIBBLE_RETURN_IF_ERROR(CheckText(merge, place, "a merge"));
  NIBBLE_RETURN_IF_ERROR(CheckText(v.chat_template, place, "the chat template"));
  for (const auto& [name, text] : v.named_chat_templates) {
    NIBBLE_RETURN_IF_ERROR(CheckText(text, place, absl::StrCat("the chat template '", name, "'")));
  }
  return absl::OkStatus();
}

absl::Status CheckTokens(const Vocabulary& v, absl::string_view place) {
  absl::flat_hash_map<absl::string_view, size_t> ids;
  ids.reserve(v.tokens.size());
  for (size_t id = 0; id < v.tokens.size(); ++id) {
    const std::string& token = v.tokens[id];
    if (v.types[id] == TokenType::kByte && !ParseByteToken(token)) {
      return BadData(absl::StrCat(place, ": token ", id), "a byte token as <0x41>", absl::StrCat("'", token, "'"));
    }
    if (token.empty()) continue;
    auto [first, added] = ids.emplace(token, id);
    if (!added) {
      return BadData(absl::StrCat(place, ": token ", id), "a text that no other token has",
                     absl::StrCat("'", token, "', which is token ", first->second, " too"));
    }
  }
  return absl::OkStatus();
}

// The text of a token that ends a turn in other families, but only a message in gpt-oss's.
bool IsHarmonyEnd(absl::string_view text) { return text == "<|end|>"; }

}  // namespace

absl::Span<const SpecialId> SpecialIds() { return kSpecialIds; }

absl::Status Validate(const Vocabulary& vocabulary, absl::string_view place) {
  NIBBLE_RETURN_IF_ERROR(CheckSizes(vocabulary, place));
  NIBBLE_RETURN_IF_ERROR(CheckTokens(vocabulary, place));
  NIBBLE_RETURN_IF_ERROR(CheckTexts(vocabulary, place));
  for (const SpecialId& special : kSpecialIds) {
    const std::optional<uint32_t>& id = vocabulary.*special.id;
    if (id && *id >= vocabulary.tokens.size()) {
      return BadData(absl::StrCat(place, ": ", special.name, " token"),
                     absl::StrCat("an id below ", vocabulary.tokens.size()), absl::StrCat(*id));
    }
  }
  return absl::OkStatus();
}

void WarnOfTemplates(absl::string_view place, Vocabulary& vocabulary) {
  WarnOfTemplate(place, vocabulary.chat_template, vocabulary);
  for (const auto& [name, text] : vocabulary.named_chat_templates) WarnOfTemplate(place, text, vocabulary);
}

bool AddsBos(const Vocabulary& vocabulary) {
  if (!vocabulary.bos) return false;
  if (vocabulary.add_bos) return *vocabulary.add_bos;
  if (vocabulary.algorithm == Algorithm::kSentencePiece) return true;
  const PreTokenizerRow* row = FindPreTokenizer(vocabulary.pre);
  return row != nullptr && row->add_bos;
}

bool AddsEos(const Vocabulary& vocabulary) { return vocabulary.eos && vocabulary.add_eos.value_or(false); }

std::vector<uint32_t> EndOfGeneration(const Vocabulary& vocabulary) {
  std::vector<uint32_t> ids;
  for (const auto& id : {vocabulary.eos, vocabulary.eot, vocabulary.eom}) {
    if (id) ids.push_back(*id);
  }
  std::optional<uint32_t> harmony_end;
  bool harmony_return = false, harmony_call = false;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] != TokenType::kControl) continue;
    const absl::string_view text = vocabulary.tokens[id];
    harmony_return |= text == "<|return|>";
    harmony_call |= text == "<|call|>";
    if (IsHarmonyEnd(text)) harmony_end = id;
    if (std::find(std::begin(kEndTexts), std::end(kEndTexts), text) != std::end(kEndTexts)) ids.push_back(id);
  }
  if (harmony_end && harmony_return && harmony_call)
    ids.erase(std::remove(ids.begin(), ids.end(), *harmony_end), ids.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::optional<uint8_t> ParseByteToken(absl::string_view token) {
  if (token.size() != 6 || !absl::StartsWith(token, "<0x") || token[5] != '>') return std::nullopt;
  uint8_t value = 0;
  for (const char c : token.substr(3, 2)) {
    if (!absl::ascii_isxdigit(c)) return std::nullopt;
    const int digit = absl::ascii_isdigit(c) ? c - '0' : absl::ascii_tolower(c) - 'a' + 10;
    value = value * 16 + digit;
  }
  return value;
}

}  // namespace nibble::tokenizer
