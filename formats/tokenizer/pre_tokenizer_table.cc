#include "formats/tokenizer/pre_tokenizer_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace nibble::tokenizer {

namespace {

constexpr char kGpt2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

// The alternatives that many share.
constexpr char kContractions[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
constexpr char kSpaces[] = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

// Punctuation with the newlines, and the characters of `more`, that follow it.
std::string Punctuation(absl::string_view more) { return absl::StrCat(" ?[^\\s\\p{L}\\p{N}]+[\\r\\n", more, "]*"); }

std::string Llama3(absl::string_view digits) {
  return absl::StrJoin({std::string(kContractions), std::string("[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"), std::string(digits),
                        Punctuation(""), std::string(kSpaces)},
                       "|");
}

// A word in lower or mixed case, or else one that may be all upper case. `except` narrows the classes of letters.
std::string CasedWords(absl::string_view except, absl::string_view suffix) {
  const std::string first = "[^\\r\\n\\p{L}\\p{N}]?";
  const std::string upper = absl::StrCat("[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}", except, "]");
  const std::string lower = absl::StrCat("[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}", except, "]");
  return absl::StrCat(first, upper, "*", lower, "+", suffix, "|", first, upper, "+", lower, "*", suffix);
}

std::string Gpt4o() {
  return absl::StrCat(CasedWords("", absl::StrCat(kContractions, "?")), "|\\p{N}{1,3}|", Punctuation("/"), "|",
                      kSpaces);
}

std::string Tekken() { return absl::StrCat(CasedWords("", ""), "|\\p{N}|", Punctuation("/"), "|", kSpaces); }

std::string Kimi() {
  return absl::StrCat("[\\p{Han}]+|", CasedWords("&&[^\\p{Han}]", absl::StrCat(kContractions, "?")), "|\\p{N}{1,3}|",
                      Punctuation(""), "|", kSpaces);
}

// The newlines are characters here, not escapes: so the files have them.
constexpr char kDeepSeek[] =
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"
    " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";

}  // namespace

const absl::string_view kGpt2Regex = kGpt2;

absl::Span<const PreTokenizerRow> PreTokenizers() {
  static const auto& rows = *new std::vector<PreTokenizerRow>{
      {.name = "gpt-2", .passes = {kGpt2}},
      {.name = "llama-bpe", .passes = {Llama3("\\p{N}{1,3}")}, .ignore_merges = true, .add_bos = true},
      {.name = "llama3", .passes = {Llama3("\\p{N}{1,3}")}, .ignore_merges = true, .add_bos = true},
      {.name = "smollm", .passes = {"\\p{N}", kGpt2}},
      {.name = "qwen2", .passes = {Llama3("\\p{N}")}, .nfc = true},
      {.name = "deepseek-r1-qwen", .passes = {Llama3("\\p{N}")}, .nfc = true},
      {.name = "gpt-4o", .passes = {Gpt4o()}, .ignore_merges = true},
      {.name = "llama4", .passes = {Gpt4o()}, .ignore_merges = true},
      {.name = "tekken", .passes = {Tekken()}, .ignore_merges = true, .add_bos = true},
      {.name = "deepseek-v3", .passes = {"\\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", kDeepSeek}},
      {.name = "kimi-k2", .passes = {Kimi()}},
  };
  return rows;
}

const PreTokenizerRow* FindPreTokenizer(absl::string_view name) {
  for (const PreTokenizerRow& row : PreTokenizers()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

const PreTokenizerRow* IdentifyPreTokenizer(absl::Span<const std::string> passes) {
  for (const PreTokenizerRow& row : PreTokenizers()) {
    if (std::equal(row.passes.begin(), row.passes.end(), passes.begin(), passes.end())) return &row;
  }
  return nullptr;
}

}  // namespace nibble::tokenizer
