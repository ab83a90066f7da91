// Vocabularies from published files, and to and from GGUF keys.
#ifndef NIBBLE_FORMATS_TOKENIZER_LOAD_H_
#define NIBBLE_FORMATS_TOKENIZER_LOAD_H_

#include <string>

#include "absl/status/statusor.h"
#include "formats/gguf/gguf.h"
#include "formats/io/file.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

struct LoadOptions {
  std::string pre;  // --pre: the pre-tokenizer's name where its regex is not known; empty = find it
  uint32_t vocab_size =
      0;  // the embedding's rows: fewer tokens are padded with [PADi], more are kDataLoss; 0 = as many
};

// The tokenizer of a Hugging Face folder, or of one of Mistral's consolidated ones: tekken.json where there is no
// tokenizer.json, else SentencePiece's tokenizer.model, else tokenizer.json (as llama.cpp's converter prefers), else
// vocab.json and merges.txt, else tiktoken.model, else a llama2.c tokenizer.bin; with the special tokens and the
// template that tokenizer_config.json, config.json, chat_template.jinja and chat_template.json give. kNotFound if there
// is none of them, kUnimplemented if a step of its pipeline is not known, kInvalidArgument if `pre` is no
// pre-tokenizer's name.
absl::StatusOr<Vocabulary> LoadFolder(io::FileSystem& files, const std::string& directory, const LoadOptions& options);

// The tokenizer.* keys of a GGUF, checked. A pre-tokenizer that is not known is no error here, but in
// Tokenizer::Create.
absl::StatusOr<Vocabulary> FromGguf(const gguf::Metadata& metadata);
// The same keys, in the order in which llama.cpp's converter writes them.
void ToGguf(const Vocabulary& vocabulary, gguf::Metadata& metadata);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_LOAD_H_
