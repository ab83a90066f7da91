// SentencePiece's own file, tokenizer.model: a protobuf with pieces, scores and how text is normalized.
#ifndef NIBBLE_FORMATS_TOKENIZER_SENTENCEPIECE_MODEL_H_
#define NIBBLE_FORMATS_TOKENIZER_SENTENCEPIECE_MODEL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/tokenizer/token_table.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

// A vocabulary without its lists, and the entries that fill them: files beside may add to these.
struct SentencePieceModel {
  Vocabulary vocabulary;
  std::vector<TokenEntry> entries;
};

// kDataLoss if `bytes` is no such file, kUnimplemented if the model is none of BPE with plain normalization.
absl::StatusOr<SentencePieceModel> ReadSentencePieceModel(const std::string& bytes, absl::string_view place);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_SENTENCEPIECE_MODEL_H_
