// Vocabularies as tiktoken has them: every token is a string of bytes with a rank, and of all neighbours those are
// joined first that give the token of the lowest rank. GGUF has merges instead, "left right", best first.
#ifndef NIBBLE_FORMATS_TOKENIZER_TOKEN_RANKS_H_
#define NIBBLE_FORMATS_TOKENIZER_TOKEN_RANKS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/tokenizer/token_table.h"

namespace nibble::tokenizer {

// The tokens' bytes by rank.
using TokenRanks = absl::Span<const std::string>;

// Longer tokens are refused: the longest of published ones have 128 bytes, and finding merges takes time with the
// square.
inline constexpr size_t kMaxTokenBytes = 1024;

// kDataLoss if a token is too long, or a byte is no token of its own: text that has it could not be encoded.
absl::Status CheckRanks(TokenRanks ranks, absl::string_view place);

// Appends the tokens in their printable form, with `first_id` for rank 0.
void AddRankedTokens(TokenRanks ranks, uint64_t first_id, std::vector<TokenEntry>& entries);

// Merges that give the ids that ranks give, in the two forms that llama.cpp's converter writes.
//
// Of any two tokens that give a third, by its rank: tekken's.
std::vector<std::string> MergesOfAllSplits(TokenRanks ranks);
// Only of the two parts that a token's bytes are in when all that ranks below it is joined: Kimi's. Ranks that come
// from one training leave two parts of every token, and then nothing else is ever joined to it. nullopt if some token
// is not left in two: the ranks of Llama 3 are such, which put two vocabularies together.
std::optional<std::vector<std::string>> MergesOfLastStep(TokenRanks ranks);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_TOKEN_RANKS_H_
