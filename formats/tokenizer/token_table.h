// Tokens as files give them, in any order and with gaps, into the lists of a Vocabulary.
#ifndef NIBBLE_FORMATS_TOKENIZER_TOKEN_TABLE_H_
#define NIBBLE_FORMATS_TOKENIZER_TOKEN_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

struct TokenEntry {
  uint64_t id = 0;
  std::string text;
  TokenType type = TokenType::kNormal;
  float score = 0;
  bool replaces = false;  // may give another text to an id that has one
};

// The score of tokens that were added to a SentencePiece model, as llama.cpp's converter writes it.
inline constexpr float kAddedTokenScore = -1000;

// Fills tokens, types and (for SentencePiece) scores. A later entry of the same id and text wins. Ids below `rows`
// that no entry has become [PADi], of type unused, with a warning; `rows` 0 means as many as there are tokens.
// kDataLoss, before anything is allocated by an id, on an id that is too large or that two texts share.
absl::Status FillTokens(std::vector<TokenEntry> entries, uint32_t rows, absl::string_view place,
                        Vocabulary& vocabulary);

// An added token's type: control if it is special, or looks so; else user-defined.
TokenType AddedTokenType(absl::string_view text, bool special);
// An added token's text as llama.cpp wants it: user-defined ones have spaces for U+2581.
std::string AddedTokenText(absl::string_view text, TokenType type);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_TOKEN_TABLE_H_
