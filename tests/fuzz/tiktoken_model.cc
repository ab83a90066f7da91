// tiktoken.model: lines of a token in base64 and its rank.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/tokenizer_folder.h"

namespace nibble::fuzz {

std::vector<std::string> Seeds() {
  std::string lines;
  for (int i = 0; i < 258; ++i) {
    const std::string bytes = i < 256 ? std::string(1, static_cast<char>(i)) : i == 256 ? "ab" : " a";
    absl::StrAppend(&lines, absl::Base64Escape(bytes), " ", i, "\n");
  }
  return {lines, "YQ== 0\nYg== 1\nYWI= 2\n", "YQ== 0"};
}

std::string Mutated(const std::string& input, Random& random) { return MutatedBytes(input, random); }

void Run(absl::string_view input) {
  RunTokenizer("tiktoken.model", input,
               {{"tokenizer_config.json",
                 R"({"tokenizer_class":"TikTokenTokenizer","bos_token":"[BOS]","added_tokens_decoder":{"258":)"
                 R"({"content":"[BOS]","special":true},"259":{"content":"x","special":false}}})"}});
}

}  // namespace nibble::fuzz
