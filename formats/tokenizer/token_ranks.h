// Vocabularies as tiktoken has them: every token is a string of bytes with a rank, and of all neighbours those are
// joined first that give the token of the lowest rank. GGUF has merges instead, "left right", best first.
#ifndef NIBBLE_FORMATS_TOKENIZER_TOKEN_RANKS_H_
#define NIBBLE_FORMATS_TOKENIZER_TOKEN_RANKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/tokenizer/token_table.h"

namespace nibble::tokenizer {

// The tokens' bytes by rank.
using TokenRanks = absl::Span<const std::string>;

// kDataLoss if a byte is no token of its own: text that has it could not be encoded.
absl::Status CheckRanks(TokenRanks ranks, absl::string_view place);

// Appends the tokens in their printable form, with `first_id` for rank 0.
void AddRankedTokens(TokenRanks ranks, uint64_t first_id, std::vector<TokenEntry>& entries);

// Merges that give the ids that ranks give, in the two forms that llama.cpp's converter writes. They do where the ranks
// come from training, so that every token joins two that rank below it: once all that ranks below a token is joined,
// the token's bytes are always in the same two parts, and merges of any other two change nothing.
std::vector<std::string> MergesOfLastStep(TokenRanks ranks);   // of those two parts; Kimi's
std::vector<std::string> MergesOfAllSplits(TokenRanks ranks);  // of any two tokens that give a third; tekken's

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_TOKEN_RANKS_H_
