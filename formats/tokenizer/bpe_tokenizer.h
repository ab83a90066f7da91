// What both algorithms share: literal tokens are found first, and bos and eos put around; what lies between goes
// through the algorithm.
#ifndef NIBBLE_FORMATS_TOKENIZER_BPE_TOKENIZER_H_
#define NIBBLE_FORMATS_TOKENIZER_BPE_TOKENIZER_H_

#include <memory>
#include <string>
#include <vector>

#include "formats/tokenizer/token_matcher.h"
#include "formats/tokenizer/tokenizer.h"

namespace nibble::tokenizer {

class BpeTokenizer : public Tokenizer {
 public:
  absl::StatusOr<std::vector<uint32_t>> Encode(absl::string_view text, const EncodeOptions& options) const final;

 protected:
  explicit BpeTokenizer(Vocabulary vocabulary);

  // Appends the ids of a stretch without literal tokens. REQUIRES: not empty.
  virtual absl::Status EncodePlain(absl::string_view text, std::vector<uint32_t>& ids) const = 0;

  // Whether decoding shows this token: it exists, and is no control token where those are to be skipped.
  bool Shown(uint32_t id, bool skip_special) const;

 private:
  TokenMatcher user_defined_;  // found always
  TokenMatcher all_literals_;  // those and control tokens
};

absl::StatusOr<std::unique_ptr<Tokenizer>> CreateByteLevelBpe(Vocabulary vocabulary);
absl::StatusOr<std::unique_ptr<Tokenizer>> CreateSentencePieceBpe(Vocabulary vocabulary);

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_BPE_TOKENIZER_H_
