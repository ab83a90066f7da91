// The pre-tokenizers of the published byte-level vocabularies, as data.
//
// A pre-tokenizer is a list of regex passes. Each pass cuts every piece that the one before left into its matches and
// what lies between them. The expressions stand here as tokenizer.json files have them (Oniguruma's syntax), so that a
// file's pre-tokenizer is found by comparing; pre_tokenizer.h runs them.
#ifndef NIBBLE_FORMATS_TOKENIZER_PRE_TOKENIZER_TABLE_H_
#define NIBBLE_FORMATS_TOKENIZER_PRE_TOKENIZER_TABLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace nibble::tokenizer {

// The GPT-2 expression, which tokenizer.json's ByteLevel step implies with `use_regex`.
extern const absl::string_view kGpt2Regex;

struct PreTokenizerRow {
  absl::string_view name;  // as llama.cpp knows it: tokenizer.ggml.pre
  std::vector<std::string> passes;
  // What a GGUF leaves unsaid, because it goes with the name.
  bool ignore_merges = false;
  bool nfc = false;
  bool add_bos = false;  // where tokenizer.ggml.add_bos_token is absent
};

// Every row, the name that a regex is given first before others that share it.
absl::Span<const PreTokenizerRow> PreTokenizers();
// The row of that name, or null.
const PreTokenizerRow* FindPreTokenizer(absl::string_view name);
// The first row that has exactly these passes, or null.
const PreTokenizerRow* IdentifyPreTokenizer(absl::Span<const std::string> passes);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_PRE_TOKENIZER_TABLE_H_
