#include "formats/tokenizer/tokenizer.h"

#include <utility>

#include "base/status.h"
#include "formats/tokenizer/bpe_tokenizer.h"

namespace nibble::tokenizer {

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::Create(Vocabulary vocabulary) {
  NIBBLE_RETURN_IF_ERROR(Validate(vocabulary, "tokenizer"));
  switch (vocabulary.algorithm) {
    case Algorithm::kByteLevelBpe:
      return CreateByteLevelBpe(std::move(vocabulary));
    case Algorithm::kSentencePiece:
      return CreateSentencePieceBpe(std::move(vocabulary));
  }
  return absl::InternalError("tokenizer: unknown algorithm");
}

}  // namespace nibble::tokenizer
