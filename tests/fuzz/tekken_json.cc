// tekken.json, Mistral's.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/tokenizer_folder.h"

namespace nibble::fuzz {
namespace {

constexpr char kPattern[] =
    R"([^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?)"
    R"([\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|)"
    R"(\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+)";

std::string Tekken(absl::string_view special_tokens) {
  std::string tokens;
  for (int i = 0; i < 258; ++i) {
    const std::string bytes = i < 256 ? std::string(1, static_cast<char>(i)) : i == 256 ? "ab" : " a";
    absl::StrAppend(&tokens, i > 0 ? "," : "", R"({"rank":)", i, R"(,"token_bytes":")", absl::Base64Escape(bytes),
                    R"("})");
  }
  return absl::StrCat(R"({"config":{"pattern":")", kPattern,
                      R"(","num_vocab_tokens":258,"default_vocab_size":280,"default_num_special_tokens":22,)",
                      R"("version":"v3"},"special_tokens":)", special_tokens, R"(,"vocab":[)", tokens, "]}");
}

}  // namespace

std::vector<std::string> Seeds() {
  return {Tekken("null"), Tekken(R"([{"rank":0,"token_str":"<unk>","is_control":true},)"
                                 R"({"rank":1,"token_str":"<s>","is_control":true}])")};
}

std::string Mutated(const std::string& input, Random& random) { return MutatedJson(input, random); }

void Run(absl::string_view input) { RunTokenizer("tekken.json", input); }

}  // namespace nibble::fuzz
