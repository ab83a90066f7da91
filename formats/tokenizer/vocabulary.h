// A tokenizer as data: what is common to the published files and the tokenizer keys of a GGUF.
//
//   tokenizer.json, tekken.json  ┐                  ┌ Tokenizer (tokenizer.h): text <-> ids
//   *.model, vocab.json          ├-> Vocabulary ->  │
//   GGUF keys                    ┘                  └ GGUF keys (load.h)
#ifndef NIBBLE_FORMATS_TOKENIZER_VOCABULARY_H_
#define NIBBLE_FORMATS_TOKENIZER_VOCABULARY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace nibble::tokenizer {

// Wire values of tokenizer.ggml.token_type: never renumber.
enum class TokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

// How text becomes tokens.
enum class Algorithm {
  kByteLevelBpe,   // GGUF "gpt2": bytes as printable characters, regex pre-tokenizer, merges by rank
  kSentencePiece,  // GGUF "llama": spaces as U+2581, pairs merged by the score of the result, byte fallback
};

struct Vocabulary {
  Algorithm algorithm = Algorithm::kByteLevelBpe;
  std::string pre;  // name of the pre-tokenizer as llama.cpp knows it: "llama-bpe", "gpt-2", "default", ...

  // One entry per id. Byte-level tokens are in the printable-character form of the file (byte_alphabet.h);
  // SentencePiece pieces have U+2581 for a space and <0xNN> for a byte. Control and user-defined tokens are literal
  // text.
  std::vector<std::string> tokens;
  std::vector<TokenType> types;
  std::vector<float> scores;        // SentencePiece only; empty otherwise
  std::vector<std::string> merges;  // byte-level BPE only: "left right", best first

  bool ignore_merges = false;                     // a whole pre-token that is in the vocabulary is taken as it is
  bool nfc = false;                               // byte-level BPE: text is brought into Unicode's form NFC first
  bool add_space_prefix = false;                  // SentencePiece: a space in front of the text
  bool remove_extra_spaces = false;               // SentencePiece: runs of spaces become one, outer ones none
  std::optional<bool> add_bos, add_eos, add_sep;  // as the published files say; absent if they say nothing
  std::optional<uint32_t> bos, eos, unknown, separator, padding, mask, eot, eom;
  std::string chat_template;  // verbatim; never rendered; empty if none
  // Templates for a purpose ("tool_use"), by name, beside the one above.
  std::vector<std::pair<std::string, std::string>> named_chat_templates;
  std::vector<std::string> warnings;
};

// The special ids as a table: what tokenizer_config.json ("bos_token"), config.json ("bos_token_id") and GGUF call
// them, in the order in which llama.cpp's converter writes them.
struct SpecialId {
  const char* name;
  const char* gguf_key;
  std::optional<uint32_t> Vocabulary::*id;
};
absl::Span<const SpecialId> SpecialIds();

// kDataLoss, with `place` in front, if the parts contradict each other: lists of unequal length, a token that stands
// there twice, a special id that no token has, a byte token that names no byte; or if a token, a merge or a template is
// no UTF-8.
absl::Status Validate(const Vocabulary& vocabulary, absl::string_view place);

// Adds a warning, with `place` in front, for what a template has and that formats no message. Templates are copied as
// they are, and never rendered.
void WarnOfTemplates(absl::string_view place, Vocabulary& vocabulary);

// Whether encoding with special tokens puts bos in front, eos behind. Where the files say nothing, llama.cpp's
// defaults.
bool AddsBos(const Vocabulary& vocabulary);
bool AddsEos(const Vocabulary& vocabulary);

// The ids after which generation ends, ascending: eos, eot, eom, and control tokens that by their text end a turn.
std::vector<uint32_t> EndOfGeneration(const Vocabulary& vocabulary);

// The byte that a SentencePiece byte token "<0xNN>" stands for.
std::optional<uint8_t> ParseByteToken(absl::string_view token);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_VOCABULARY_H_
