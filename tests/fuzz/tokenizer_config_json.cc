// tokenizer_config.json, beside a sound tokenizer.json.
#include "tests/fuzz/target.h"
#include "tests/fuzz/tokenizer_folder.h"

namespace nibble::fuzz {

std::vector<std::string> Seeds() {
  return {
      R"({"added_tokens_decoder":{"3":{"content":"<s>","special":true}},"bos_token":"<s>","eos_token":)"
      R"({"content":"<s>"},"add_bos_token":true,"add_eos_token":false,"chat_template":"{{ messages }}",)"
      R"("model_max_length":1000000000000000019884624838656,"tokenizer_class":"PreTrainedTokenizerFast"})",
      R"({"chat_template":[{"name":"default","template":"{{ a }}"},{"name":"tool use","template":"{{ b }}"}],)"
      R"("cls_token":"<s>","sep_token":"<s>","pad_token":null})",
  };
}

std::string Mutated(const std::string& input, Random& random) { return MutatedJson(input, random); }

void Run(absl::string_view input) {
  RunTokenizer(
      "tokenizer_config.json", input,
      {{"tokenizer.json",
        R"({"added_tokens":[{"id":3,"content":"<s>","special":true}],"pre_tokenizer":{"type":"ByteLevel",)"
        R"("add_prefix_space":false},"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}})"}});
}

}  // namespace nibble::fuzz
