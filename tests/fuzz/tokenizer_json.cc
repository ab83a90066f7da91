// tokenizer.json.
#include "tests/fuzz/target.h"
#include "tests/fuzz/tokenizer_folder.h"

namespace nibble::fuzz {

std::vector<std::string> Seeds() {
  return {
      R"({"added_tokens":[{"id":3,"content":"<s>","special":true}],"pre_tokenizer":{"type":"ByteLevel",)"
      R"("add_prefix_space":false},"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":)"
      R"({"id":"<s>"}},{"Sequence":{"id":"A"}}],"pair":[{"Sequence":{"id":"A"}},{"SpecialToken":{"id":"<s>"}},)"
      R"({"Sequence":{"id":"B"}}]},"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}})",
      R"({"normalizer":{"type":"Replace","pattern":{"String":" "},"content":"▁"},"model":{"type":"BPE",)"
      R"("byte_fallback":true,"vocab":{"<0x0A>":0,"a":1,"▁":2,"▁a":3},"merges":[["▁","a"]]}})",
      R"({"normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits",)"
      R"("individual_digits":true},{"type":"ByteLevel","add_prefix_space":false,"use_regex":true}]},)"
      R"("decoder":{"type":"ByteLevel"},"model":{"type":"BPE","ignore_merges":true,"vocab":{"a":0},"merges":[]}})",
  };
}

std::string Mutated(const std::string& input, Random& random) { return MutatedJson(input, random); }

void Run(absl::string_view input) {
  RunTokenizer("tokenizer.json", input, {{"config.json", R"({"bos_token_id":0,"eos_token_id":[0]})"}});
}

}  // namespace nibble::fuzz
