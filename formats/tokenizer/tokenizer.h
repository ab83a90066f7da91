// Text to token ids and back, from a Vocabulary alone.
#ifndef NIBBLE_FORMATS_TOKENIZER_TOKENIZER_H_
#define NIBBLE_FORMATS_TOKENIZER_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/tokenizer/vocabulary.h"

namespace nibble::tokenizer {

struct EncodeOptions {
  bool parse_special = true;  // literal control tokens in the text become their ids; else they are plain text
  bool add_special = false;   // bos in front (and eos behind), where the vocabulary adds one
};

// Immutable after it was made; thread-safe.
class Tokenizer {
 public:
  // kDataLoss if the vocabulary contradicts itself; kUnimplemented if `pre` names no pre-tokenizer that is known.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> Create(Vocabulary vocabulary);
  virtual ~Tokenizer() = default;

  // Any bytes, up to 1 GiB; invalid UTF-8 is encoded byte by byte as the algorithm allows. kResourceExhausted if the
  // pre-tokenizer's regex exceeds its match limit.
  virtual absl::StatusOr<std::vector<uint32_t>> Encode(absl::string_view text, const EncodeOptions& options) const = 0;
  // Bytes, not necessarily valid UTF-8. Control tokens give nothing with `skip_special`, else their literal text.
  // Ids outside the vocabulary give nothing.
  virtual std::string Decode(absl::Span<const uint32_t> ids, bool skip_special) const = 0;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 protected:
  explicit Tokenizer(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  Vocabulary vocabulary_;
};

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_TOKENIZER_H_
