#include "pipeline/source/byte_vocabulary.h"

#include "absl/strings/str_format.h"

namespace nibble {

tokenizer::Vocabulary MakeByteVocabulary() {
  using tokenizer::TokenType;
  tokenizer::Vocabulary vocabulary;
  vocabulary.algorithm = tokenizer::Algorithm::kSentencePiece;
  vocabulary.pre = "default";
  vocabulary.tokens = {"<unk>", "<s>", "</s>"};
  vocabulary.types = {TokenType::kUnknown, TokenType::kControl, TokenType::kControl};
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.tokens.push_back(absl::StrFormat("<0x%02X>", byte));
    vocabulary.types.push_back(TokenType::kByte);
  }
  vocabulary.scores.resize(vocabulary.tokens.size());
  vocabulary.add_bos = true;
  vocabulary.unknown = 0;
  vocabulary.bos = kBos;
  vocabulary.eos = kEos;
  return vocabulary;
}

}  // namespace nibble
